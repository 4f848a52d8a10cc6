import type { AttributeValues, ReceivedSpan } from './otlp-receiver.ts';

export interface TraceTextOptions {
  /** Characters of the bars. */
  readonly width?: number;
  /** Attributes to show after each name. */
  readonly attributes?: (span: ReceivedSpan) => AttributeValues;
}

const KINDS = ['', 'internal', 'server', 'client', 'producer', 'consumer'];

/** A trace as text, a span a line as Jaeger draws it: its place in the tree, its time, and its events below it. */
export function traceText(
  spans: readonly ReceivedSpan[],
  { width = 40, attributes = () => ({}) }: TraceTextOptions = {},
): string {
  const start = Math.min(...spans.map(({ startMs }) => startMs));
  const end = Math.max(...spans.map(({ endMs }) => endMs));
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const childrenOf = (id: string | undefined) =>
    spans
      .filter(({ parentSpanId }) => (id === undefined ? !ids.has(parentSpanId) : parentSpanId === id))
      .toSorted((a, b) => a.startMs - b.startMs);

  const bar = ({ startMs, endMs }: ReceivedSpan): string => {
    const column = (ms: number) => Math.round(((ms - start) / Math.max(1, end - start)) * width);
    const from = Math.min(column(startMs), width - 1);
    return `${' '.repeat(from)}${'█'.repeat(Math.max(1, column(endMs) - from))}`.padEnd(width);
  };
  const told = (values: AttributeValues) =>
    Object.entries(values)
      .map(([name, value]) => ` ${name}=${value}`)
      .join('');

  const lines = (span: ReceivedSpan, depth: number): string[] => {
    const indent = '  '.repeat(depth);
    const kind = span.kind === 1 ? '' : ` (${KINDS[span.kind]})`;
    const failed = span.statusCode === 2 ? ' !' : '';
    const title = `${indent}${span.name}${kind}${failed}`;
    const events = span.events.map(
      ({ name, atMs, attributes: values }) =>
        `${' '.repeat(width)}  ${indent}  · ${(atMs - start).toFixed(1)} ms ${name}${told(values)}`,
    );
    return [
      `${bar(span)}  ${title}  ${(span.endMs - span.startMs).toFixed(1)} ms${told(attributes(span))}`,
      ...events,
      ...childrenOf(span.spanId).flatMap((child) => lines(child, depth + 1)),
    ];
  };
  return childrenOf(undefined)
    .flatMap((root) => lines(root, 0))
    .join('\n');
}
