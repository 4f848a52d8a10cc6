import {
  context,
  metrics,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import type { NextFunction, Request, Response } from 'express';
import { enterRequest } from './activity.ts';

/** The methods of RFC 9110 and PATCH; any other is `_OTHER`, so that a client cannot create label values. */
const KNOWN_METHODS = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE',
  'PATCH',
]);

/** Seconds: the advice of the OpenTelemetry HTTP metric conventions, and on to the limit of a sync session. */
const BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60];

/**
 * One server span and one duration for each request, by the semantic conventions for HTTP servers, in place of
 * the stock HTTP, Express and router instrumentations. Takes the W3C context of the caller and answers with
 * `X-Trace-Id`. Must be the first middleware.
 */
export function serverSpan(): (req: Request, res: Response, next: NextFunction) => void {
  const tracer = trace.getTracer('meari');
  const durations = metrics.getMeter('meari').createHistogram('http.server.request.duration', {
    description: 'Duration of HTTP server requests.',
    unit: 's',
    advice: { explicitBucketBoundaries: BUCKETS_SECONDS },
  });

  return (req, res, next) => {
    const startedAt = performance.now();
    // Not `req.protocol`: behind a proxy that is a header, and any text.
    const scheme = req.secure ? 'https' : 'http';
    const method = KNOWN_METHODS.has(req.method) ? req.method : '_OTHER';
    const parent = propagation.extract(ROOT_CONTEXT, req.headers);
    const span = tracer.startSpan(
      method,
      {
        kind: SpanKind.SERVER,
        attributes: {
          'http.request.method': method,
          'url.scheme': scheme,
          'url.path': req.path,
          'server.address': req.hostname,
        },
      },
      parent,
    );
    res.setHeader('X-Trace-Id', span.spanContext().traceId);
    const route = watchRoute(req);
    const request = enterRequest(trace.setSpan(parent, span), {
      traceId: span.spanContext().traceId,
      route: () => {
        const template = route();
        return template === undefined ? undefined : `${method} ${template}`;
      },
    });

    // `close` comes after `finish` and also when the client leaves early: exactly once in either case.
    res.once('close', () => {
      const template = route();
      const labels = {
        'http.request.method': method,
        'url.scheme': scheme,
        'http.response.status_code': res.statusCode,
        ...(template === undefined ? {} : { 'http.route': template }),
        ...(res.statusCode >= 500 ? { 'error.type': String(res.statusCode) } : {}),
      };
      span.setAttributes(labels);
      if (template !== undefined) span.updateName(`${method} ${template}`);
      if (res.statusCode >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
      if (!res.writableFinished) span.setAttribute('meari.client_left', true);
      durations.record((performance.now() - startedAt) / 1000, labels);
      span.end();
      request.end();
    });

    context.with(request.context, next);
  };
}

/**
 * Tells the template of the route that Express chooses, never the path: ids would make a label value for each
 * session. Taken at the moment of the choice, because `baseUrl` is reset when an error leaves its router.
 */
function watchRoute(req: Request): () => string | undefined {
  let chosen: Request['route'];
  let template: string | undefined;
  Object.defineProperty(req, 'route', {
    configurable: true,
    enumerable: true,
    get: () => chosen,
    set(route: Request['route']) {
      chosen = route;
      const path: unknown = route?.path;
      if (typeof path === 'string') template = path === '/' ? req.baseUrl || '/' : `${req.baseUrl}${path}`;
    },
  });
  return () => template;
}
