// First, as in `npm start`: what is loaded before it is not instrumented.
import '../../instrumentation.ts';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import supertest from 'supertest';
import { readConfig } from '../../src/config.ts';
import { type Container, createContainer, type Overrides } from '../../src/container.ts';
import { createLogger } from '../../src/log.ts';
import { createTestDatabase } from './database.ts';

export interface TestService extends AsyncDisposable {
  readonly url: string;
  readonly opsUrl: string;
  readonly container: Container;
  /** Every line the service has logged. */
  readonly logLines: string[];
  /** A client with a cookie jar of its own that is logged in as a new guest. */
  guest(): Promise<ReturnType<typeof supertest.agent>>;
}

/** The whole service on free ports, in this process, on a database of its own. */
export async function startTestService(
  env: Record<string, string> = {},
  overrides: Overrides = {},
): Promise<TestService> {
  const database = await createTestDatabase();
  const logLines: string[] = [];
  const log = createLogger(
    'debug',
    new Writable({
      write(chunk, _encoding, done) {
        logLines.push(String(chunk));
        done();
      },
    }),
  );
  const config = readConfig({ NODE_ENV: 'test', DATABASE_URL: database.url, ...env });
  const container = await createContainer(config, log, overrides);
  // A worker has no API; what a test asks it for there is a 404.
  const api = await listen(container.app ?? container.opsApp);
  const ops = await listen(container.opsApp);
  const { url } = api;
  return {
    url,
    opsUrl: ops.url,
    container,
    logLines,
    async guest() {
      const agent = supertest.agent(url);
      await agent.post('/auth/guest').expect(201);
      return agent;
    },
    async [Symbol.asyncDispose]() {
      api.close();
      ops.close();
      await container.close();
      await database.drop();
    },
  };
}

async function listen(app: RequestListener) {
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
