import { type Span, trace } from '@opentelemetry/api';
import type { RecordedSpan } from '../tracing/recorded-span.ts';
import { rememberCallSites } from './call-sites.ts';
import { noteSpan } from './span-notes.ts';

/** Stacks looked at for each kind of span that asks for connections: each wait of a busy service would be too many. */
export const CONNECTION_LOOKS = 20;

const CONNECTION = 'connection';
/** Waits of one span that are remembered: those of a loop end one by one, those of a list all together. */
const REMEMBERED = 100;

/** Who asks a pool for connections: it answers from a callback, where the stack no longer tells. */
export function createConnectionSites() {
  const sites = rememberCallSites(CONNECTION_LOOKS);
  /** The waits whose line is known, by the span that they are in, until a statement has taken it. */
  const waits = new WeakMap<Span, RecordedSpan[]>();

  return {
    /** For the span of a wait that has just begun. */
    note(wait: RecordedSpan): void {
      const parent = trace.getActiveSpan();
      const callSite = parent && sites.find(parent, CONNECTION);
      if (parent === undefined || callSite === undefined) return;
      noteSpan(wait, { fingerprint: CONNECTION, values: '', callSite });
      const others = waits.get(parent);
      if (others === undefined) waits.set(parent, [wait]);
      else if (others.push(wait) > REMEMBERED) others.shift();
    },

    /** Of the wait within `parent` that has ended last: just now, where a statement is sent from its callback. */
    siteOfLast(parent: Span): string | undefined {
      const known = waits.get(parent) ?? [];
      let last: RecordedSpan | undefined;
      for (const wait of known) if (wait.ended && wait.endMs >= (last?.endMs ?? 0)) last = wait;
      if (last === undefined) {
        sites.lookAgain(parent, CONNECTION);
        return undefined;
      }
      known.splice(known.indexOf(last), 1);
      return last.notes?.callSite;
    },
  };
}
