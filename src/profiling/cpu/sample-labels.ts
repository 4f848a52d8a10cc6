import { routeOf, type Work } from '../work.ts';

/** Of one sample; the library passes more. */
interface SampleContext {
  /** The mark of its asynchronous context. */
  readonly context?: object;
  /** Microseconds since the epoch. */
  readonly timestamp: bigint;
}

/** Names of a sample's labels. `AT` is in microseconds since the epoch. */
export const STEP = 'step';
export const ROUTE = 'route';
export const AT = 'at';

/** Milliseconds by which the clocks of samples and of steps may differ. */
const CLOCKS_DIFFER_MS = 2;

/**
 * Names the step and the route of each sample: declared names and route templates, nothing else.
 *
 * A connection that a step has opened stays in the context of that step for good, and so does what it reads for
 * others later. So what ran after the end of its step or request counts for none.
 */
export function labelsOfSample(): (sample: { context?: SampleContext }) => Record<string, string | number> {
  const offset = Date.now() - performance.now();
  return ({ context }) => {
    if (!context) return {};
    const labels: Record<string, string | number> = { [AT]: Number(context.timestamp) };
    const { activity, step } = (context.context ?? {}) as Partial<Work>;
    const at = Number(context.timestamp) / 1000 - offset - CLOCKS_DIFFER_MS;
    const stepRan = step !== undefined && at <= (step.endedAt ?? Number.POSITIVE_INFINITY);
    if (stepRan) labels[STEP] = step.name;
    const answered = activity?.endedAt ?? Number.POSITIVE_INFINITY;
    const route = activity && routeOf(activity);
    if (route !== undefined && (stepRan || at <= answered)) labels[ROUTE] = route;
    return labels;
  };
}
