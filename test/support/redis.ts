import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from './process.ts';
import { startServerProcess } from './server-process.ts';
import { redisServerPath } from './tools.ts';

/** Leaving its scope ends it, however the test went. */
export interface TestRedis extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** For signals: SIGKILL for one that dies, SIGSTOP and SIGCONT for one that hangs. */
  readonly pid: number;
  /** Ends it at once, also one that was stopped by a signal. Safe to call twice. */
  stop(): Promise<void>;
}

export interface TestRedisOptions {
  /** The port of a server that has ended, to come back in its place; otherwise a free one. */
  readonly port?: number;
}

/**
 * A real Redis server on loopback that keeps nothing. Resolves once it answers.
 *
 * @throws {Error} with what it printed, when it ends before that.
 */
export async function startRedis({ port: wanted }: TestRedisOptions = {}): Promise<TestRedis> {
  const port = wanted ?? (await freePort());
  const directory = await mkdtemp(join(tmpdir(), 'meari-redis-'));
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory];
  const keepNothing = ['--save', '', '--appendonly', 'no'];
  const server = startServerProcess(redisServerPath(), [...settings, ...keepNothing], directory);
  const url = `redis://127.0.0.1:${port}`;
  await server.waitFor(answer(url));
  // Without a pid it could not have answered.
  const { stop } = server;
  return { url, port, pid: server.pid as number, stop, [Symbol.asyncDispose]: stop };
}

/** Resolves at the first answer to a PING; the client connects again until there is one. */
async function answer(url: string): Promise<void> {
  const client = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: null });
  // Refused connections are what it is waiting out.
  client.on('error', () => {});
  try {
    await client.ping();
  } finally {
    client.disconnect();
  }
}
