import type { IncomingHttpHeaders, RequestListener } from 'node:http';
import type { TLSSocket } from 'node:tls';
import {
  type Attributes,
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import type { Express, Request } from 'express';
import { enterRequest } from './activity.ts';
import { meter } from './cost/meter.ts';
import { createHistogram, type Series } from './histogram.ts';
import { countStatements, createStatementHistogram, type StatementCount } from './request-statements.ts';
import { now } from './tracing/clock.ts';
import { RecordedSpan } from './tracing/recorded-span.ts';
import { withSpan } from './tracing/span-context.ts';
import type { OwnSpanOptions } from './tracing/tracer-provider.ts';

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
 * The application, with one server span and one duration for each request, by the semantic conventions for HTTP
 * servers, in place of the stock HTTP, Express and router instrumentations. Takes the W3C context of the caller and
 * answers with `X-Trace-Id`. Not a middleware: one more costs every request another round of the router.
 */
export function withServerSpan(app: Express): RequestListener {
  const tracer = trace.getTracer('meari');
  const seriesOf = createRequestSeries();
  watchRoutes(app);

  return (incoming, res) => {
    meter.countRequest();
    const enteredAt = meter.enter();
    // As Express does it itself a moment later.
    const req: Request = Object.setPrototypeOf(incoming, app.request);
    const method = KNOWN_METHODS.has(req.method) ? req.method : '_OTHER';
    // Once: it is a getter.
    const { headers } = req;
    const scheme = schemeOf(req, headers);
    const attributes: Attributes = {
      'http.request.method': method,
      'url.scheme': scheme,
      'url.path': pathOf(req),
      'server.address': hostnameOf(req, headers),
      'server.port': req.socket.localPort ?? 0,
    };
    const parent =
      headers.traceparent === undefined ? ROOT_CONTEXT : propagation.extract(ROOT_CONTEXT, headers);
    const options: OwnSpanOptions = { kind: SpanKind.SERVER, attributes, handsOver: true };
    const span = tracer.startSpan(method, options, parent);
    const startedAt = span instanceof RecordedSpan ? span.startMs : now();
    res.setHeader('X-Trace-Id', span.spanContext().traceId);
    const count: StatementCount = { statements: 0 };
    const leave = enterRequest(span, () => routeOf(method, templateOf(req)));

    // `close` comes after `finish` and also when the client leaves early: exactly once in either case.
    res.on('close', () => {
      const enteredAt = meter.enter();
      const endedAt = now();
      const { statusCode } = res;
      const { route, template, durations, statements } = seriesOf(
        method,
        templateOf(req),
        scheme,
        statusCode,
      );
      // They are the span's: written by their names, which is faster than to look each up by what it is called.
      if (route !== undefined) {
        attributes['http.route'] = template;
        span.updateName(route);
      }
      attributes['http.response.status_code'] = statusCode;
      if (statusCode >= 500) {
        span.setAttribute('error.type', String(statusCode));
        span.setStatus({ code: SpanStatusCode.ERROR });
      }
      if (!res.writableFinished) span.setAttribute('meari.client_left', true);
      durations.record((endedAt - startedAt) / 1000);
      statements.record(count.statements);
      if (span instanceof RecordedSpan) span.endAt(endedAt);
      leave(endedAt);
      meter.leave(enteredAt);
    });

    meter.leave(enteredAt);
    context.with(countStatements(count, withSpan(parent, span)), app, undefined, req, res);
  };
}

/** Undefined where the target is no URL: Express finds no route for it, and nobody here would catch the error. */
function pathOf(req: Request): string | undefined {
  try {
    return req.path ?? undefined;
  } catch {
    return undefined;
  }
}

/** Not `req.protocol`: behind a proxy that is a header, and any text. Without one there is no need to ask Express. */
function schemeOf(req: Request, headers: IncomingHttpHeaders): 'http' | 'https' {
  const isForwarded = headers['x-forwarded-proto'] !== undefined;
  const isSecure = isForwarded ? req.secure : (req.socket as Partial<TLSSocket>).encrypted;
  return isSecure ? 'https' : 'http';
}

let lastHost: string | undefined;
let lastHostname: string;

/** As Express reads it, which is mostly what it was the last time. */
function hostnameOf(req: Request, headers: IncomingHttpHeaders): string {
  const { host } = headers;
  if (headers['x-forwarded-host'] !== undefined) return req.hostname;
  if (host === undefined || host !== lastHost) lastHostname = req.hostname;
  lastHost = host;
  return lastHostname;
}

/** What is recorded of a request, by its labels: they all come from closed sets, and are put together once. */
interface RequestSeries {
  readonly method: string;
  readonly scheme: string;
  readonly status: number;
  readonly route: string | undefined;
  /** The same text for all requests, where each has put its own together. */
  readonly template: string | undefined;
  readonly durations: Series;
  readonly statements: Series;
}

function createRequestSeries() {
  const durations = createHistogram({
    name: 'http.server.request.duration',
    description: 'Duration of HTTP server requests.',
    unit: 's',
    boundaries: BUCKETS_SECONDS,
  });
  const statements = createStatementHistogram();
  const byTemplate = new Map<string | undefined, RequestSeries[]>();

  return (method: string, template: string | undefined, scheme: string, status: number): RequestSeries => {
    const known = byTemplate.get(template) ?? [];
    for (const series of known) {
      if (series.status === status && series.method === method && series.scheme === scheme) return series;
    }
    const byRoute = {
      'http.request.method': method,
      ...(template === undefined ? {} : { 'http.route': template }),
    };
    const labels = {
      ...byRoute,
      'url.scheme': scheme,
      'http.response.status_code': status,
      ...(status >= 500 ? { 'error.type': String(status) } : {}),
    };
    const created = {
      method,
      scheme,
      status,
      route: routeOf(method, template),
      template,
      durations: durations.series(labels),
      statements: statements.series(byRoute),
    };
    byTemplate.set(template, [...known, created]);
    return created;
  };
}

/** Undefined while no route is chosen. */
function routeOf(method: string, template: string | undefined): string | undefined {
  return template === undefined ? undefined : `${method} ${template}`;
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
function watchRoutes({ request }: Express): void {
  const prototype = Object.getPrototypeOf(request);
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
