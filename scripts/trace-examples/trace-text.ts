import type { AttributeValues, ReceivedSpan } from '../../test/support/otlp-receiver.ts';

const KINDS = ['', 'internal', 'server', 'client', 'producer', 'consumer'];

/** Characters of the names and of the bars. */
const NAMES = 46;
const BARS = 32;

/** What a reader of an example can do without: the commands to Redis, and the connections that are made. */
const LEFT_OUT = new Set([
  'publish',
  'subscribe',
  'unsubscribe',
  'evalsha',
  'eval',
  'get',
  'pg.connect',
  'pg-pool.connect',
]);

/** Attributes of events that say what happened. */
const TOLD = ['attempt', 'cache.name', 'cache.result', 'error.type', 'exception.type'];

/** A trace as text, a span a line as Jaeger draws it, with its events below it; `!` marks an error. */
export function traceText(given: readonly ReceivedSpan[]): string {
  const spans = given.filter(({ name }) => !LEFT_OUT.has(name));
  const start = Math.min(...spans.map(({ startMs }) => startMs));
  const end = Math.max(...spans.map(({ endMs }) => endMs));
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const childrenOf = (id: string | undefined) =>
    spans
      .filter(({ parentSpanId }) => (id === undefined ? !ids.has(parentSpanId) : parentSpanId === id))
      .toSorted((a, b) => a.startMs - b.startMs);

  const bar = ({ startMs, endMs }: ReceivedSpan): string => {
    const column = (ms: number) => Math.round(((ms - start) / (end - start)) * BARS);
    const from = Math.min(column(startMs), BARS - 1);
    return ' '.repeat(from) + '█'.repeat(Math.max(1, column(endMs) - from));
  };

  const lines = (span: ReceivedSpan, depth: number): string[] => {
    const indent = '  '.repeat(depth);
    const kind = span.kind === 1 ? '' : ` (${KINDS[span.kind]})`;
    const title = `${indent}${span.name}${kind}${span.statusCode === 2 ? ' !' : ''}`;
    const ms = milliseconds(span.endMs - span.startMs);
    const events = span.events.map(
      ({ name, atMs, attributes }) =>
        `${indent}  · ${name}${told(attributes)} (at ${milliseconds(atMs - start)})`,
    );
    return [
      `${title.padEnd(NAMES)} ${ms.padStart(8)}  ${bar(span)}`,
      ...events,
      ...childrenOf(span.spanId).flatMap((child) => lines(child, depth + 1)),
    ];
  };
  return childrenOf(undefined)
    .flatMap((root) => lines(root, 0))
    .map((line) => line.trimEnd())
    .join('\n');
}

function milliseconds(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

function told(attributes: AttributeValues): string {
  return TOLD.flatMap((name) => (attributes[name] === undefined ? [] : ` ${attributes[name]}`)).join('');
}
