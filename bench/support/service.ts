import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../../src/config.ts';
import { createContainer, type Overrides } from '../../src/container.ts';
import { createLogger } from '../../src/log.ts';

/** The whole service in this process on a free port, with an embedded Postgres of its own. */
export async function startBenchService(
  overrides: Overrides = {},
  env: Readonly<Record<string, string>> = {},
) {
  const directory = await mkdtemp(join(tmpdir(), 'meari-bench-'));
  const config = readConfig({ DATA_DIR: directory, NODE_ENV: 'test', ...env });
  const container = await createContainer(config, createLogger('silent'), overrides);
  const server = createServer(container.app ?? container.opsApp).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    container,
    /** The cookie of a new guest. */
    async guest(): Promise<string> {
      const response = await fetch(`${url}/auth/guest`, { method: 'POST' });
      return response.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await container.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export function postSession(url: string, cookie: string, body: object): Promise<Response> {
  return fetch(`${url}/api/v1/meari/sessions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Cookie: cookie },
    body: JSON.stringify(body),
  });
}
