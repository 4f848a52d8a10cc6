import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { afterEach, describe, test } from 'node:test';
import { DiagLogLevel, diag, ROOT_CONTEXT } from '@opentelemetry/api';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import type { RecordedSpan } from '../../../src/profiling/tracing/recorded-span.ts';
import { createSpanBatches, type SpanBatchOptions } from '../../../src/profiling/tracing/span-batches.ts';
import { createSpanExporter } from '../../../src/profiling/tracing/span-exporter.ts';
import { createTracerProvider } from '../../../src/profiling/tracing/tracer-provider.ts';
import { eventually } from '../../support/eventually.ts';
import { type ReceiverOptions, startOtlpReceiver } from '../../support/otlp-receiver.ts';

const ENDPOINT = 'OTEL_EXPORTER_OTLP_ENDPOINT';
const TIMEOUT = 'OTEL_EXPORTER_OTLP_TIMEOUT';
const NEVER_MS = 1_000_000;

/** Spans that go through the batches to a receiver, as in a process. */
async function startBatches(
  options: Omit<SpanBatchOptions, 'exporter'>,
  { answer }: ReceiverOptions = {},
  resource = resourceFromAttributes({ 'service.name': 'batched' }),
) {
  const receiver = await startOtlpReceiver(answer && { answer });
  Object.assign(process.env, { [ENDPOINT]: receiver.url, [TIMEOUT]: `${NEVER_MS}` });
  const batches = createSpanBatches({ exporter: createSpanExporter(), ...options });
  let decision: 'export' | 'record' = 'export';
  const provider = createTracerProvider({
    resource,
    sampler: () => decision,
    listener: { onStart() {}, onEnd: batches.onEnd },
  });
  return {
    receiver,
    batches,
    tracer: provider.getTracer('one'),
    /** Ends spans with these names, in turn of two scopes. */
    end(from: number, until: number, as = decision): readonly RecordedSpan[] {
      decision = as;
      return numbers(from, until).map((number) => {
        const tracer = provider.getTracer(number % 2 === 0 ? 'even' : 'odd');
        const span = tracer.startSpan(`${number}`, { attributes: { number } }, ROOT_CONTEXT);
        span.end();
        return span as RecordedSpan;
      });
    },
    received: () => receiver.spans.map(({ name }) => Number(name)).sort((a, b) => a - b),
    async [Symbol.asyncDispose]() {
      // First, lest a batch that a failed test has left unanswered be waited for.
      await receiver[Symbol.asyncDispose]();
      await batches.shutdown();
    },
  };
}

const numbers = (from: number, until: number) =>
  Array.from({ length: until - from }, (_, index) => from + index);

describe('spans in batches', () => {
  afterEach(() => {
    delete process.env[ENDPOINT];
    delete process.env[TIMEOUT];
    diag.disable();
  });

  test('leave when a batch is full, each once, with what they are of', async () => {
    await using run = await startBatches({ maxExportBatchSize: 300, scheduledDelayMillis: NEVER_MS });
    run.end(0, 299);
    run.end(299, 700);
    await eventually(async () => run.receiver.requests.length === 2 || undefined);
    assert.deepEqual(run.received(), numbers(0, 600));
    await run.batches.shutdown();
    assert.deepEqual(run.received(), numbers(0, 700));
    assert.equal(run.receiver.requests.length, 3);
    for (const { name, attributes, resource } of run.receiver.spans) {
      assert.deepEqual(attributes, { number: Number(name) });
      assert.equal(resource['service.name'], 'batched');
    }
  });

  test('are written as soon as somebody asks for it, and leave with those that end later', async () => {
    await using run = await startBatches({ maxExportBatchSize: 10, scheduledDelayMillis: NEVER_MS });
    const early = run.end(0, 4);
    run.batches.write();
    run.batches.write();
    for (const span of early) span.attributes.number = -1;
    run.end(4, 10);
    await run.batches.shutdown();
    assert.equal(run.receiver.requests.length, 1);
    assert.deepEqual(run.received(), numbers(0, 10));
    for (const { name, attributes } of run.receiver.spans) {
      assert.deepEqual(attributes, { number: Number(name) });
    }
  });

  test('leave before there are too many bytes for a receiver', async () => {
    await using run = await startBatches({ scheduledDelayMillis: NEVER_MS });
    const attributes = { long: 'x'.repeat(100_000) };
    for (const number of numbers(0, 15)) {
      run.tracer.startSpan(`${number}`, { attributes }, ROOT_CONTEXT).end();
      run.batches.write();
    }
    await run.batches.shutdown();
    assert.deepEqual(run.received(), numbers(0, 15));
    const sizes = run.receiver.requests.map(({ bytes }) => bytes);
    assert.ok(sizes.length > 1 && sizes.every((size) => size < 1_000_000), `${sizes}`);
  });

  test('leave without those that cannot be written, which spoil nothing that comes after them', async () => {
    await using run = await startBatches({ scheduledDelayMillis: NEVER_MS });
    const [broken] = run.end(0, 1);
    Object.assign(broken ?? {}, { links: [{ context: {} }] });
    run.batches.write();
    run.end(1, 3);
    run.batches.write();
    await run.batches.shutdown();
    assert.deepEqual(run.received(), [1, 2]);
  });

  test('have a name that is a text, whatever an instrumentation gives', async () => {
    await using run = await startBatches({ scheduledDelayMillis: NEVER_MS });
    run.end(7, 8);
    run.tracer
      .startSpan(8 as never, {}, ROOT_CONTEXT)
      .updateName(9 as never)
      .end();
    await run.batches.shutdown();
    assert.deepEqual(run.received(), [7, 9]);
  });

  test('leave after the delay, when there are not enough', async () => {
    await using run = await startBatches({ scheduledDelayMillis: 1 });
    run.end(0, 3);
    await eventually(async () => run.receiver.spans.length === 3 || undefined);
    run.end(3, 4);
    await eventually(async () => run.receiver.spans.length === 4 || undefined);
  });

  test('that nobody has chosen stay', async () => {
    await using run = await startBatches({ scheduledDelayMillis: NEVER_MS });
    run.end(0, 5, 'record');
    run.end(5, 6, 'export');
    await run.batches.shutdown();
    assert.deepEqual(run.received(), [5]);
  });

  test('wait for the batch before them, as many as the queue holds; the rest is dropped, and counted', async () => {
    const answers: ServerResponse[] = [];
    const told: string[] = [];
    const log = () => {};
    const logger = {
      error: log,
      warn: (text: string) => told.push(text),
      info: log,
      debug: log,
      verbose: log,
    };
    diag.setLogger(logger, { logLevel: DiagLogLevel.WARN });
    await using run = await startBatches(
      { maxExportBatchSize: 10, maxQueueSize: 25, scheduledDelayMillis: NEVER_MS },
      { answer: (res) => void answers.push(res) },
    );
    const nextAnswer = () => eventually(async () => answers.shift());
    run.end(0, 10);
    const first = await nextAnswer();
    run.end(10, 50);
    assert.deepEqual([answers.length, told], [0, []]);
    first.end();
    (await nextAnswer()).end();
    assert.deepEqual(told, ['Dropped 15 spans because 25 were waiting']);
    (await nextAnswer()).end();
    run.end(50, 55);
    (await nextAnswer()).end();
    await run.batches.shutdown();
    assert.deepEqual(run.received(), [...numbers(0, 35), ...numbers(50, 55)]);
  });

  test('do not wait for ever for a receiver that never answers', async () => {
    const answers: ServerResponse[] = [];
    await using run = await startBatches(
      { maxExportBatchSize: 10, scheduledDelayMillis: NEVER_MS, exportTimeoutMillis: 1 },
      { answer: (res) => void answers.push(res) },
    );
    run.end(0, 20);
    await eventually(async () => run.receiver.spans.length === 20 || undefined);
    for (const answer of answers) answer.end();
  });

  test('tell what takes a while to be known of the process', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const resource = defaultResource().merge(resourceFromAttributes({ 'host.id': promise }));
    await using run = await startBatches({ scheduledDelayMillis: NEVER_MS }, {}, resource);
    run.end(0, 1);
    const stopped = run.batches.shutdown();
    resolve('this-host');
    await stopped;
    assert.equal(run.receiver.spans[0]?.resource['host.id'], 'this-host');
  });

  test('are sent before the end, once; what ends after that is not', async () => {
    await using run = await startBatches({ maxExportBatchSize: 10, scheduledDelayMillis: NEVER_MS });
    run.end(0, 35);
    await Promise.all([run.batches.shutdown(), run.batches.shutdown()]);
    run.end(35, 50);
    await run.batches.shutdown();
    assert.deepEqual(run.received(), numbers(0, 35));
  });

  test('carry texts no longer than the limit, in lists and events as well; the span keeps the whole', async () => {
    await using run = await startBatches({ attributeValueLengthLimit: 5 });
    const attributes = { long: '123456', short: '12345', list: ['123456', '1'] };
    const span = run.tracer.startSpan('a long name', { attributes }, ROOT_CONTEXT);
    span.addEvent('event', { long: '123456' }).end();
    await run.batches.shutdown();
    const [received] = run.receiver.spans;
    assert.equal(received?.name, 'a long name');
    assert.deepEqual(received.attributes, { long: '12345', short: '12345', list: ['12345', '1'] });
    assert.deepEqual(received.events[0]?.attributes, { long: '12345' });
    assert.deepEqual((span as RecordedSpan).attributes, attributes);
  });
});
