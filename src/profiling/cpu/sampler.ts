import type { SourceMapper } from '@datadog/pprof';
import { markContexts } from '../activity-context.ts';
import { ProfileUnavailableError } from './errors.ts';
import { labelsOfSample } from './sample-labels.ts';

export type Pprof = typeof import('@datadog/pprof');
/** Google's profile.proto, as objects. */
export type PprofProfile = ReturnType<Pprof['time']['stop']>;

/** Takes samples from `start` on; `stop` returns them. Both block for some milliseconds. */
export interface Sampler {
  stop(): PprofProfile;
}

/** Bytes between samples on average: what Datadog and V8 use, little enough to see what allocates by the megabyte. */
const HEAP_INTERVAL_BYTES = 512 * 1024;
const HEAP_STACK_DEPTH = 64;
/** From here on V8 tells what was allocated and collected again as well, not only what lives. */
const ALLOCATIONS_SINCE_NODE = 26;

/** @throws {ProfileUnavailableError} where the native addon cannot be loaded. */
export async function loadPprof(): Promise<Pprof> {
  try {
    // Not before it is needed: most processes never take a profile, and some platforms have no build of it.
    const { default: pprof } = await import('@datadog/pprof');
    return pprof;
  } catch (error) {
    throw new ProfileUnavailableError(error);
  }
}

/** Samples wall and CPU time of the main thread, each sample with the step and the route that it ran for. */
export function startCpuSampler(
  { time }: Pprof,
  intervalMicros: number,
  sourceMapper: SourceMapper,
): Sampler {
  // `useCPED`: the mark of a sample comes from its asynchronous context, whoever else runs at that time.
  time.start({ intervalMicros, withContexts: true, useCPED: true, collectCpuTime: true, sourceMapper });
  const unmark = markContexts((work) => time.setContext(work));
  return {
    stop() {
      unmark();
      return time.stop(false, labelsOfSample());
    },
  };
}

/**
 * Samples what allocates memory. V8 keeps each sample until the end (dd-trace-js #8638 saw a heap double by it), so
 * a profile of the heap ends with its seconds as every other.
 */
export function startHeapSampler({ heap }: Pprof, sourceMapper: SourceMapper): Sampler {
  const major = Number(process.versions.node.split('.')[0]);
  heap.start(HEAP_INTERVAL_BYTES, HEAP_STACK_DEPTH, major >= ALLOCATIONS_SINCE_NODE);
  return {
    stop() {
      try {
        return heap.profile(undefined, sourceMapper);
      } finally {
        heap.stop();
      }
    },
  };
}
