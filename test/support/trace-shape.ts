import type { ReceivedSpan } from './otlp-receiver.ts';

const KINDS = ['', '', 'server', 'client', 'producer', 'consumer'];

/** What depends on chance: how many connections there are, and what the second level of a cache was asked meanwhile. */
const BY_CHANCE = new Set(['pg.connect', 'get', 'eval', 'set', 'script']);

/**
 * The spans of one trace as an indented tree: name, kind, `!` for an error and the events of each; brothers by name,
 * those that are the same once. A span whose parent was not exported is marked `?`.
 */
export function shapeOf(spans: readonly ReceivedSpan[], traceId: string): string {
  const trace = spans.filter((span) => span.traceId === traceId && !BY_CHANCE.has(span.name));
  const ids = new Set(trace.map(({ spanId }) => spanId));
  const lines = (span: ReceivedSpan, depth: number): string[] => {
    const kind = KINDS[span.kind] ? ` (${KINDS[span.kind]})` : '';
    const events = span.events.map(
      ({ name, attributes }) => ` · ${[name, eventDetail(attributes)].filter(Boolean).join(' ')}`,
    );
    const isOrphan = span.parentSpanId !== '' && !ids.has(span.parentSpanId);
    const title = `${'  '.repeat(depth)}${isOrphan ? '? ' : ''}${span.name}${kind}${span.statusCode === 2 ? ' !' : ''}`;
    return [
      `${title}${events.join('')}`,
      ...subtrees(
        trace.filter((other) => other.parentSpanId === span.spanId),
        depth + 1,
      ),
    ];
  };
  const subtrees = (roots: readonly ReceivedSpan[], depth: number): string[] => {
    const texts = roots.map((root) => lines(root, depth).join('\n'));
    return [...new Set(texts)].toSorted();
  };
  return subtrees(
    trace.filter(({ parentSpanId }) => !ids.has(parentSpanId)),
    0,
  ).join('\n');
}

/** The one value that says what happened. */
function eventDetail(attributes: ReceivedSpan['attributes']): string {
  const {
    'cache.name': cache,
    'cache.result': result,
    'error.type': error,
    'exception.type': exception,
    attempt,
  } = attributes;
  if (cache !== undefined) return `${cache} ${result}`;
  return String(error ?? exception ?? attempt ?? '');
}
