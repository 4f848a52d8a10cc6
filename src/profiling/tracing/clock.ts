import { performance } from 'node:perf_hooks';
import type { HrTime, TimeInput } from '@opentelemetry/api';

/** Milliseconds between the two clocks, beyond which the system's has been set. */
const SET_MS = 100;

/** Milliseconds from the zero of `performance.now()` to the epoch. */
let epochOffset = performance.timeOrigin;

/**
 * All times inside of the layer: milliseconds of one clock that never goes back and knows microseconds. Imported, as the
 * global of its name is a getter that is called each time.
 */
export function now(): number {
  return performance.now();
}

/** For those outside of the process. */
export function toEpochMs(ms: number): number {
  return epochOffset + ms;
}

/** For exporters: seconds and nanoseconds since the epoch, or of a duration. */
export function toHrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.round((ms - seconds * 1_000) * 1e6)];
}

/** A time that a caller gave, in one of the forms of the OpenTelemetry API. */
export function fromTimeInput(time: TimeInput): number {
  if (Array.isArray(time)) return time[0] * 1_000 + time[1] / 1e6 - epochOffset;
  // A number beyond this clock is one of the epoch.
  if (typeof time === 'number') return time <= performance.now() ? time : time - epochOffset;
  return time.getTime() - epochOffset;
}

/** Follows the system's clock when it is set; to be called now and then. */
export function adjustClock(): void {
  const offset = Date.now() - performance.now();
  if (Math.abs(offset - epochOffset) > SET_MS) epochOffset = offset;
}
