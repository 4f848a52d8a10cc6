import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readConfig } from '../../src/config.ts';
import { createContainer } from '../../src/container.ts';
import { createLogger } from '../../src/log.ts';
import { connectRedis } from '../../src/queue/redis.ts';
import { connectDatabase } from '../../src/store/database.ts';
import { createCorpusRepository } from '../../src/store/repositories/corpus-repository.ts';
import { createWriter } from '../../src/writing/create-writer.ts';

/**
 * The service as a process of its own whose minute, for the limit on calls to the model, is a few seconds: nothing
 * else differs from `src/main.ts`. The first half of this file is for the test that starts it, the second half is the
 * process.
 */

export interface ScaledService extends AsyncDisposable {
  readonly url: string;
}

/** @param minuteMs what counts as a minute. */
export async function startScaledService(
  env: Readonly<Record<string, string>>,
  minuteMs: number,
): Promise<ScaledService> {
  const child = fork(new URL(import.meta.url).pathname, {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      NODE_ENV: 'test',
      LOG_LEVEL: 'warn',
      ...env,
      MINUTE_MS: String(minuteMs),
    },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ended = once(child, 'exit');
  const endedEarly = ended.then(([code]): never => {
    throw new Error(`the service ended with ${code} before it was ready`);
  });
  const [url] = (await Promise.race([once(child, 'message'), endedEarly])) as [string];
  return {
    url,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function serve(): Promise<void> {
  const stopped = new Promise((resolve) => {
    process.once('SIGTERM', resolve).once('disconnect', resolve);
  });
  const config = readConfig(process.env);
  const log = createLogger(config.logLevel);
  if (config.writer.kind !== 'llm' || !config.redisUrl || !config.database.url) throw new Error('incomplete');
  const database = connectDatabase({ url: config.database.url, poolMax: 2 });
  const redis = connectRedis(config.redisUrl);
  await once(redis, 'ready');
  const { limits } = config.writer;
  const scaled = { ...config.writer, limits: { ...limits, windowMs: Number(process.env.MINUTE_MS) } };
  const writing = createWriter(scaled, { sources: createCorpusRepository(database), redis, log });

  const container = await createContainer(config, log, { writer: writing.writer });
  const server = createServer(container.app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);

  await stopped;
  await container.stop();
  server.close();
  server.closeAllConnections();
  await container.close();
  await writing.close();
  redis.disconnect();
  await database.destroy();
}

if (import.meta.main) {
  await serve();
  process.exit(0);
}
