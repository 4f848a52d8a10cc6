import { type Span, SpanKind } from '@opentelemetry/api';
import { RecordedSpan } from '../tracing/recorded-span.ts';
import { routeOf } from '../work.ts';
import { captureCallSite } from './call-site.ts';

/** Kinds of calls that are told apart; a service has some hundreds. What comes after them is not looked up. */
const KINDS = 1_000;
/** How often more looks are granted: what has shown nothing by then shows nothing. */
const RENEWALS = 5;

interface Kind {
  /** Stacks that may still be looked at. */
  left: number;
  renewals: number;
  /** Undefined when none of them showed a line. */
  site: string | undefined;
  /** Whether all of them showed the same one. */
  isOne: boolean;
}

export type CallSites = ReturnType<typeof rememberCallSites>;

/**
 * Tells where a kind of call is made without a look at the stack each time, which costs some tens of microseconds:
 * there are `looks` at each kind within spans of the same name, for the life of the process. Afterwards the line is
 * known where all of them showed the same one.
 */
export function rememberCallSites(looks: number) {
  const places = new Map<string, Map<string, Kind>>();
  let kinds = 0;

  function kindOf(parent: Span, name: string): Kind | undefined {
    const place = placeOf(parent);
    const known = places.get(place)?.get(name);
    if (known !== undefined || kinds >= KINDS) return known;
    kinds += 1;
    const kind: Kind = { left: looks, renewals: RENEWALS, site: undefined, isOne: true };
    const others = places.get(place);
    if (others) others.set(name, kind);
    else places.set(place, new Map([[name, kind]]));
    return kind;
  }

  return {
    /** The line that makes a call of this kind within `parent`. To be asked where the call is made. */
    find(parent: Span, name: string): string | undefined {
      const kind = kindOf(parent, name);
      if (kind === undefined) return undefined;
      if (kind.left <= 0) return kind.isOne ? kind.site : undefined;
      kind.left -= 1;
      const site = captureCallSite();
      if (kind.site !== undefined && site !== undefined && site !== kind.site) kind.isOne = false;
      kind.site = site ?? kind.site;
      return site;
    },

    /** For a line that was found otherwise. */
    learn(parent: Span, name: string, site: string): void {
      const kind = kindOf(parent, name);
      if (kind !== undefined) kind.site ??= site;
    },

    /** Has some more stacks looked at, once there is something to find out. */
    lookAgain(parent: Span, name: string): void {
      const kind = kindOf(parent, name);
      if (kind === undefined || kind.renewals === 0) return;
      kind.renewals -= 1;
      kind.left = looks;
    },
  };
}

/** The handlers of all routes have spans of the same name. */
function placeOf(parent: Span): string {
  if (!(parent instanceof RecordedSpan)) return '';
  const activity = parent.kind === SpanKind.SERVER ? parent.work?.activity : undefined;
  return activity === undefined ? parent.name : `${parent.name} ${routeOf(activity)}`;
}
