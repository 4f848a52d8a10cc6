import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { withServerSpan } from '../../src/profiling/server-span.ts';

let opened = 0;

/** Runs the work as a request of its own under the profiling layer, and returns the route of that. */
export async function asRequest(work: () => Promise<unknown>, path = `/work/${++opened}`): Promise<string> {
  const app = express();
  app.get(path, async (_req, res) => {
    await work();
    res.json({});
  });
  const server = createServer(withServerSpan(app)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`);
    await answer.body?.cancel();
    if (!answer.ok) throw new Error(`the work failed: ${answer.status}`);
  } finally {
    server.close();
    server.closeAllConnections();
  }
  return `GET ${path}`;
}
