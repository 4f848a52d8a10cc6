import { type Span, trace } from '@opentelemetry/api';
import { QUERY_SUMMARY, QUERY_TEXT } from '../attributes.ts';
import { meter } from '../cost/meter.ts';
import type { RecordedSpan } from '../tracing/recorded-span.ts';
import { captureCallSite } from './call-site.ts';
import { hashBindings, keyedHash } from './keyed-hash.ts';
import { noteSpan } from './span-notes.ts';
import { effectOf, fingerprintSql } from './sql-fingerprint.ts';

export type CallHooks = ReturnType<typeof createCallHooks>;

/**
 * Notes of each call to a database, to Redis or by HTTP what kind it is, a keyed hash of its values, and, from the
 * second of its kind under one parent on, the line of code that makes it.
 */
export function createCallHooks() {
  /** Calls so far, by the span that makes them and what kind they are. */
  const repeats = new WeakMap<Span, Map<string, number>>();

  function note(span: Span, fingerprint: string, values: string): void {
    const isRepeat = countRepeat(fingerprint) === 2;
    noteSpan(span, { fingerprint, values, callSite: isRepeat ? captureCallSite() : undefined });
  }

  function countRepeat(fingerprint: string): number {
    const parent = trace.getActiveSpan();
    if (parent === undefined) return 1;
    const counts = repeats.get(parent) ?? new Map<string, number>();
    const count = (counts.get(fingerprint) ?? 0) + 1;
    counts.set(fingerprint, count);
    if (counts.size === 1) repeats.set(parent, counts);
    return count;
  }

  return {
    /** The `requestHook` of the instrumentation of pg. What leaves the process is the statement without its values. */
    statement(span: Span, { query }: { query: { text: string; values?: unknown[] } }): void {
      if (!span.isRecording()) return;
      const enteredAt = meter.enter();
      const fingerprint = fingerprintSql(query.text);
      span.setAttribute(QUERY_TEXT, fingerprint);
      const { summary } = effectOf(fingerprint);
      span.setAttribute(QUERY_SUMMARY, summary);
      // Not after a prepared statement, whose name tells nobody anything.
      span.updateName(summary);
      note(span, fingerprint, hashBindings(query.values));
      meter.leave(enteredAt);
    },

    /** The `requestHook` of the instrumentation of ioredis. */
    command(span: Span, { cmdName, cmdArgs }: { cmdName: string; cmdArgs: readonly unknown[] }): void {
      if (!span.isRecording()) return;
      const enteredAt = meter.enter();
      const [key] = cmdArgs;
      note(span, `${cmdName} ${namespaceOf(key)}`, keyedHash(String(key)));
      meter.leave(enteredAt);
    },

    /** For a span that has just started: an outgoing HTTP request says where to from the start. */
    request(span: RecordedSpan): void {
      const url = span.attributes['url.full'];
      if (typeof url !== 'string') return;
      const { host = '', pathname = '/' } = URL.parse(url) ?? {};
      const method = span.attributes['http.request.method'];
      note(span, `${method} ${host}${templateOf(pathname)}`, keyedHash(url));
    },
  };
}

/** What stands before the first colon, where that looks like a name: the rest of a key tells too much. */
function namespaceOf(key: unknown): string {
  return /^([a-z][\w.-]{0,40}):/i.exec(String(key))?.[1] ?? '';
}

/** Segments that are no plain words (ids, numbers, what is encoded) are all the same. */
function templateOf(pathname: string): string {
  return pathname
    .split('/')
    .map((segment) => (segment === '' || /^(?!.*\d{3})[a-z][\w.-]{0,40}$/i.test(segment) ? segment : '{}'))
    .join('/');
}
