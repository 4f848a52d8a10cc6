import type { AddressInfo } from 'node:net';
import express from 'express';

/** Express alone, that sends the JSON it was given: what `http.ts` compares with. */
process.once('message', (text: string) => {
  const body = JSON.parse(text);
  const app = express();
  app.get('/', (_req, res) => void res.json(body));
  const server = app.listen(0, '127.0.0.1', () => {
    process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  });
});
process.once('disconnect', () => process.exit(0));
