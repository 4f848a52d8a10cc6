import { now } from '../tracing/clock.ts';

/** Requests in a row that are measured, and of how many: reading the clock costs something too. */
const MEASURED = 20;
const OF = 200;

/** Microseconds: a section that took longer was interrupted by the system or the garbage collector. */
const INTERRUPTED_MICROS = 1_000;

let requests = 0;
let isMeasuring = false;
let measured = 0;
let micros = 0;
let depth = 0;

/**
 * Measures the layer's own sections between a request's begin and its answer, in this process: sections inside of
 * another count once. `enter` and `leave` enclose synchronous code.
 */
export const meter = {
  /** Also a job: a process that works off a queue answers no requests. */
  countRequest(): void {
    isMeasuring = requests % OF < MEASURED;
    if (isMeasuring) measured += 1;
    requests += 1;
  },

  /** Zero when this section is not measured. */
  enter(): number {
    if (depth > 0 || !isMeasuring) return 0;
    depth += 1;
    return now();
  },

  leave(enteredAt: number): void {
    if (enteredAt === 0) return;
    depth -= 1;
    micros += Math.min(INTERRUPTED_MICROS, (now() - enteredAt) * 1_000);
  },

  /** What was measured since the last call. */
  take(): { readonly requests: number; readonly micros: number } {
    const taken = { requests: measured, micros };
    measured = 0;
    micros = 0;
    return taken;
  },
};
