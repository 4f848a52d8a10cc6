import { IncomingMessage } from 'node:http';
import {
  type Attributes,
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
import { meter } from './cost/meter.ts';
import { defer } from './deferred.ts';
import { createStatementHistogram, type RouteLabels } from './request-statements.ts';
import { withSpan } from './tracing/span-context.ts';

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

/**
 * Seconds: the advice of the OpenTelemetry HTTP metric conventions, and on to the limit of a sync session. 0.3 is the
 * objective of short requests (`prometheus/rules/recording.yml`): a share within a limit needs a boundary there.
 */
const BUCKETS_SECONDS = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.3, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60,
];

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
  const statementHistogram = createStatementHistogram();

  return (req, res, next) => {
    meter.countRequest();
    const enteredAt = meter.enter();
    const startedAt = performance.now();
    const method = KNOWN_METHODS.has(req.method) ? req.method : '_OTHER';
    const attributes = {
      'http.request.method': method,
      // Not `req.protocol`: behind a proxy that is a header, and any text.
      'url.scheme': req.secure ? 'https' : 'http',
      'url.path': req.path,
      'server.address': req.hostname,
      'server.port': req.socket.localPort ?? 0,
    };
    const parent = propagation.extract(ROOT_CONTEXT, req.headers);
    const span = tracer.startSpan(method, { kind: SpanKind.SERVER, attributes }, parent);
    res.setHeader('X-Trace-Id', span.spanContext().traceId);
    watchRoutes(req);
    const statements = statementHistogram.start(withSpan(parent, span));
    const leave = enterRequest(span, () => {
      const template = templateOf(req);
      return template === undefined ? undefined : `${method} ${template}`;
    });

    // `close` comes after `finish` and also when the client leaves early: exactly once in either case.
    res.once('close', () => {
      const enteredAt = meter.enter();
      const routeLabels: RouteLabels = { 'http.request.method': method };
      const template = templateOf(req);
      if (template !== undefined) {
        routeLabels['http.route'] = template;
        span.updateName(`${method} ${template}`);
      }
      const labels: Attributes = {
        ...routeLabels,
        'url.scheme': attributes['url.scheme'],
        'http.response.status_code': res.statusCode,
      };
      if (res.statusCode >= 500) {
        labels['error.type'] = String(res.statusCode);
        span.setStatus({ code: SpanStatusCode.ERROR });
      }
      span.setAttributes(labels);
      if (!res.writableFinished) span.setAttribute('meari.client_left', true);
      const seconds = (performance.now() - startedAt) / 1000;
      defer(() => durations.record(seconds, labels));
      statements.end(routeLabels);
      span.end();
      leave();
      meter.leave(enteredAt);
    });

    meter.leave(enteredAt);
    context.with(statements.context, next);
  };
}

const ROUTE = Symbol('route');
const TEMPLATE = Symbol('template');

interface WatchedRequest {
  [ROUTE]?: Request['route'];
  [TEMPLATE]?: string;
}

/**
 * Learns the template of the route that Express chooses, never the path: ids would make a label value for each
 * session. At the moment of the choice, because `baseUrl` is reset when an error leaves its router; and once for all
 * requests, on the prototype of Express: a property defined on each request would make every access to it slow.
 */
function watchRoutes(req: Request): void {
  let prototype = Object.getPrototypeOf(req);
  while (Object.getPrototypeOf(prototype) !== IncomingMessage.prototype) {
    prototype = Object.getPrototypeOf(prototype);
  }
  if (Object.hasOwn(prototype, 'route')) return;
  Object.defineProperty(prototype, 'route', {
    configurable: true,
    get(this: WatchedRequest) {
      return this[ROUTE];
    },
    set(this: WatchedRequest & Request, route: Request['route']) {
      this[ROUTE] = route;
      const path: unknown = route?.path;
      if (typeof path === 'string') {
        this[TEMPLATE] = path === '/' ? this.baseUrl || '/' : `${this.baseUrl}${path}`;
      }
    },
  });
}

function templateOf(req: Request): string | undefined {
  return (req as WatchedRequest)[TEMPLATE];
}
