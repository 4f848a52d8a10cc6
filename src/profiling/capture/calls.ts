import { type Span, trace } from '@opentelemetry/api';
import { POOL_CONNECT, QUERY_TEXT } from '../attributes.ts';
import { meter } from '../cost/meter.ts';
import type { RecordedSpan } from '../tracing/recorded-span.ts';
import { captureCallSite } from './call-site.ts';
import { rememberCallSites } from './call-sites.ts';
import { createConnectionSites } from './connection-sites.ts';
import { hashBindings, keyedHash } from './keyed-hash.ts';
import { noteSpan } from './span-notes.ts';
import { effectOf, fingerprintSql } from './sql-fingerprint.ts';

export type CallHooks = ReturnType<typeof createCallHooks>;

/**
 * Notes of each call to a database, to Redis or by HTTP what kind it is, a keyed hash of its values, and, of the second
 * of its kind under one parent, the line of code that makes it. Of a statement the line is told of the first too: one
 * alone can be slow, and when that shows nothing stands on the stack any more.
 */
export function createCallHooks() {
  /** Calls so far, by the span that makes them and what kind they are. */
  const repeats = new WeakMap<Span, Map<string, number>>();
  const statements = rememberCallSites(1);
  const connections = createConnectionSites();

  function note(span: Span, fingerprint: string, values: string): void {
    const isRepeat = countRepeat(trace.getActiveSpan(), fingerprint) === 2;
    noteSpan(span, { fingerprint, values, callSite: isRepeat ? captureCallSite() : undefined });
  }

  function statementSite(fingerprint: string): string | undefined {
    const parent = trace.getActiveSpan();
    const count = countRepeat(parent, fingerprint);
    if (parent === undefined || count > 2) return undefined;
    const known = statements.find(parent, fingerprint);
    const own = count === 2 ? (captureCallSite() ?? known) : known;
    if (own !== undefined) return own;
    // A pool sends it from a callback, below which nobody stands: who asked for the connection did.
    const site = connections.siteOfLast(parent);
    if (site !== undefined) statements.learn(parent, fingerprint, site);
    return site;
  }

  function countRepeat(parent: Span | undefined, fingerprint: string): number {
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
      // Not after a prepared statement, whose name tells nobody anything.
      span.updateName(`pg.query:${effectOf(fingerprint).summary}`);
      const callSite = statementSite(fingerprint);
      noteSpan(span, { fingerprint, values: hashBindings(query.values), callSite });
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

    /**
     * For a span of a call that has just started: the wait for a connection of `pg-pool`, and an outgoing HTTP
     * request, which says where to from the start.
     */
    called(span: RecordedSpan): void {
      if (span.name === POOL_CONNECT) {
        connections.note(span);
        return;
      }
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
