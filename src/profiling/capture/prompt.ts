import { trace } from '@opentelemetry/api';
import { keyedHash } from './keyed-hash.ts';
import { noteSpan } from './span-notes.ts';

/**
 * Lets the profiler tell whether a model was asked the same twice. To be called in the span of the call (`gen_ai.*`);
 * of the prompt nothing is kept but a hash that means nothing outside of this process.
 */
export function notePrompt(...parts: readonly string[]): void {
  const span = trace.getActiveSpan();
  if (span)
    noteSpan(span, { fingerprint: 'prompt', values: keyedHash(parts.join('\u0000')), callSite: undefined });
}
