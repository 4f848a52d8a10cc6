import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import protobuf from 'protobufjs';

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly attributes: Record<string, string | number | boolean>;
  readonly statusCode: number;
}

/** A collector as Jaeger has one: takes OTLP over HTTP with protobuf bodies, and keeps the spans. */
export async function startOtlpReceiver() {
  const { root } = await protobuf.load(new URL('otlp-trace.proto', import.meta.url).pathname);
  const requestType = root.lookupType('meari.test.ExportTraceServiceRequest');
  const spans: ReceivedSpan[] = [];
  let raw = '';
  const server = createServer(async (req, res) => {
    const bytes = await buffer(req);
    raw += bytes.toString('utf8');
    const body = requestType.toObject(requestType.decode(bytes), {
      longs: Number,
      defaults: true,
    });
    for (const resource of body.resourceSpans) {
      for (const scope of resource.scopeSpans) spans.push(...scope.spans.map(toSpan));
    }
    res.writeHead(200, { 'Content-Type': 'application/x-protobuf' }).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    /** All that was sent, as text: also what `spans` leaves out. */
    raw: () => raw,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: what protobufjs decodes has no static type.
function toSpan(span: any): ReceivedSpan {
  return {
    traceId: span.traceId.toString('hex'),
    spanId: span.spanId.toString('hex'),
    parentSpanId: span.parentSpanId.toString('hex'),
    name: span.name,
    kind: span.kind,
    attributes: Object.fromEntries(
      span.attributes.map(({ key, value }: { key: string; value: Record<string, never> }) => [
        key,
        value.stringValue || value.intValue || value.doubleValue || value.boolValue,
      ]),
    ),
    statusCode: span.status?.code ?? 0,
  };
}
