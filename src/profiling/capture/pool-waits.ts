import { context, type Span, trace } from '@opentelemetry/api';
import { WAIT } from '../attributes.ts';
import { rememberCallSites } from './call-sites.ts';
import { CONNECTION_LOOKS } from './connection-sites.ts';
import { noteSpan } from './span-notes.ts';

/** What a pool of tarn (knex's) tells of itself. */
export interface ObservablePool {
  readonly max: number;
  numFree(): number;
  numUsed(): number;
  numPendingCreates(): number;
  on(event: 'acquireRequest', listener: (request: number) => void): void;
  on(event: 'acquireSuccess' | 'acquireFail', listener: (request: number) => void): void;
}

/**
 * Opens a span for each wait for a connection while all of them are in use, with the line that asks for it; the others
 * wait for nobody.
 */
export function watchPool(pool: ObservablePool): void {
  const tracer = trace.getTracer('profiler');
  const sites = rememberCallSites(CONNECTION_LOOKS);
  const waiting = new Map<number, Span>();

  pool.on('acquireRequest', (request) => {
    const isFree = pool.numFree() > 0 || pool.numUsed() + pool.numPendingCreates() < pool.max;
    const parent = trace.getSpan(context.active());
    if (isFree || parent === undefined) return;
    const wait = tracer.startSpan('wait for a connection', { attributes: { [WAIT]: 'pool' } });
    noteSpan(wait, { fingerprint: 'connection', values: '', callSite: sites.find(parent, 'connection') });
    waiting.set(request, wait);
  });
  pool.on('acquireSuccess', (request) => end(request));
  pool.on('acquireFail', (request) => {
    waiting.get(request)?.setStatus({ code: 2 });
    end(request);
  });

  function end(request: number): void {
    waiting.get(request)?.end();
    waiting.delete(request);
  }
}
