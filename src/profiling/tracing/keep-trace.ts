import { trace } from '@opentelemetry/api';
import { KEEP } from '../attributes.ts';

/**
 * Has this process' part of the active trace exported, whatever the ratio says.
 *
 * @param reason from a closed set: it can be searched for.
 */
export function keepTrace(reason: string): void {
  trace.getActiveSpan()?.setAttribute(KEEP, reason);
}
