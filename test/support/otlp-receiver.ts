import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import protobuf from 'protobufjs';

export type AttributeValues = Record<string, string | number | boolean | readonly unknown[]>;

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  /** Milliseconds since the epoch. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: AttributeValues;
  readonly events: readonly {
    readonly name: string;
    readonly atMs: number;
    readonly attributes: AttributeValues;
  }[];
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly statusCode: number;
  readonly resource: AttributeValues;
}

export interface ReceivedMetric {
  readonly name: string;
  readonly kind: string;
  /** 1 is delta, 2 cumulative; undefined for a gauge. */
  readonly temporality: number | undefined;
  readonly resource: AttributeValues;
}

/** A request as it came over the wire. */
export interface ReceivedRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Bytes of its body, as it was sent. */
  readonly bytes: number;
}

export interface ReceiverOptions {
  /** Answers in place of 200, or not at all. */
  readonly answer?: (res: ServerResponse, number: number) => void;
}

/**
 * A collector as Jaeger, a vendor's agent and a vendor's intake have one: takes OTLP over HTTP with protobuf bodies,
 * and keeps the spans and what it was told of the metrics.
 */
export async function startOtlpReceiver({ answer = accept }: ReceiverOptions = {}) {
  const { root } = await protobuf.load(new URL('otlp.proto', import.meta.url).pathname);
  const traceRequest = root.lookupType('meari.test.ExportTraceServiceRequest');
  const metricsRequest = root.lookupType('meari.test.ExportMetricsServiceRequest');
  const spans: ReceivedSpan[] = [];
  const metrics: ReceivedMetric[] = [];
  const requests: ReceivedRequest[] = [];
  let raw = '';
  const decode = (type: protobuf.Type, bytes: Buffer) =>
    type.toObject(type.decode(bytes), { longs: Number, defaults: true, oneofs: true });

  const server = createServer(async (req, res) => {
    const sent = await buffer(req);
    const path = req.url ?? '';
    const bytes = req.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
    raw += bytes.toString('utf8');
    requests.push({ path, headers: req.headers, bytes: sent.length });
    answer(res, requests.length);
    if (path.endsWith('/v1/metrics')) {
      for (const { resource, scopeMetrics } of decode(metricsRequest, bytes).resourceMetrics) {
        for (const scope of scopeMetrics) metrics.push(...scope.metrics.map(toMetric(resource)));
      }
      return;
    }
    for (const { resource, scopeSpans } of decode(traceRequest, bytes).resourceSpans) {
      for (const scope of scopeSpans) spans.push(...scope.spans.map(toSpan(resource)));
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    metrics,
    requests,
    /** All that was sent, as text: also what `spans` leaves out. */
    raw: () => raw,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function accept(res: ServerResponse): void {
  res.writeHead(200, { 'Content-Type': 'application/x-protobuf' }).end();
}

// biome-ignore lint/suspicious/noExplicitAny: what protobufjs decodes has no static type.
type Decoded = any;

function toSpan(resource: Decoded) {
  return (span: Decoded): ReceivedSpan => ({
    traceId: span.traceId.toString('hex'),
    spanId: span.spanId.toString('hex'),
    parentSpanId: span.parentSpanId.toString('hex'),
    name: span.name,
    kind: span.kind,
    startMs: span.startTimeUnixNano / 1e6,
    endMs: span.endTimeUnixNano / 1e6,
    attributes: toAttributes(span.attributes),
    events: span.events.map((event: Decoded) => ({
      name: event.name,
      atMs: event.timeUnixNano / 1e6,
      attributes: toAttributes(event.attributes),
    })),
    links: span.links.map((link: Decoded) => ({
      traceId: link.traceId.toString('hex'),
      spanId: link.spanId.toString('hex'),
    })),
    statusCode: span.status?.code ?? 0,
    resource: toAttributes(resource.attributes),
  });
}

function toMetric(resource: Decoded) {
  return (metric: Decoded): ReceivedMetric => ({
    name: metric.name,
    kind: metric.data,
    temporality: metric[metric.data].aggregationTemporality,
    resource: toAttributes(resource.attributes),
  });
}

function toAttributes(pairs: readonly Decoded[]): AttributeValues {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, toValue(value)]));
}

function toValue(value: Decoded): AttributeValues[string] {
  if (value.value !== 'arrayValue') return value[value.value];
  return value.arrayValue.values.map(toValue);
}
