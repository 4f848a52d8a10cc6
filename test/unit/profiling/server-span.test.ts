import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { type Attributes, trace } from '@opentelemetry/api';
import { emptyResource } from '@opentelemetry/resources';
import express from 'express';
import { withServerSpan } from '../../../src/profiling/server-span.ts';
import type { RecordedSpan } from '../../../src/profiling/tracing/recorded-span.ts';
import { createTracerProvider } from '../../../src/profiling/tracing/tracer-provider.ts';

describe('the span of a request', () => {
  const spans: RecordedSpan[] = [];
  const app = express().set('trust proxy', true);
  app.get('/things/:id', (_req, res) => void res.json({}));
  app.use(
    '/inner',
    express.Router().get('/', (_req, res) => void res.status(503).json({})),
  );
  const server = createServer(withServerSpan(app));
  let next = Promise.withResolvers<void>();

  before(async () => {
    const listener = {
      onStart() {},
      onEnd(span: RecordedSpan) {
        spans.push(span);
        next.resolve();
      },
    };
    trace.setGlobalTracerProvider(
      createTracerProvider({ resource: emptyResource(), sampler: () => 'export', listener }),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  after(() => {
    server.close();
    server.closeAllConnections();
  });

  /** Name and attributes of the span of such a request, but for the port. */
  async function spanOf(path: string, headers: Record<string, string> = {}) {
    next = Promise.withResolvers<void>();
    const { port } = server.address() as AddressInfo;
    const [answer] = (await once(request({ port, path, headers }).end(), 'response')) as [IncomingMessage];
    answer.resume();
    await next.promise;
    const [span] = spans.splice(0);
    assert.equal(answer.headers['x-trace-id'], span?.spanContext().traceId);
    const { 'server.port': told, ...attributes }: Attributes = span?.attributes ?? {};
    assert.equal(told, port);
    return [span?.name, attributes];
  }

  test('has the route by its template and the path without what was asked for', async () => {
    assert.deepEqual(await spanOf('/things/7?q=secret', { Host: 'api.example:80' }), [
      'GET /things/:id',
      {
        'http.request.method': 'GET',
        'url.scheme': 'http',
        'url.path': '/things/7',
        'server.address': 'api.example',
        'http.route': '/things/:id',
        'http.response.status_code': 200,
      },
    ]);
  });

  test('has the host and the scheme that a proxy names, and the error', async () => {
    const headers = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'public.example' };
    assert.deepEqual(await spanOf('/inner', headers), [
      'GET /inner',
      {
        'http.request.method': 'GET',
        'url.scheme': 'https',
        'url.path': '/inner',
        'server.address': 'public.example',
        'http.route': '/inner',
        'http.response.status_code': 503,
        'error.type': '503',
      },
    ]);
  });

  for (const target of ['http://[::1/things/7', 'a://b']) {
    test(`has neither route nor path for ${target}`, async () => {
      assert.deepEqual(await spanOf(target, { Host: 'api.example' }), [
        'GET',
        {
          'http.request.method': 'GET',
          'url.scheme': 'http',
          'server.address': 'api.example',
          'http.response.status_code': 404,
        },
      ]);
    });
  }
});
