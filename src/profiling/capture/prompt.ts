import type { Span } from '@opentelemetry/api';
import { keyedHash } from './keyed-hash.ts';
import { noteSpan } from './span-notes.ts';

/**
 * Lets the profiler tell whether a model was asked the same twice. To be called on the span of the call (`gen_ai.*`);
 * of the prompt nothing is kept but a hash that means nothing outside of this process.
 */
export function notePrompt(span: Span, prompt: string): void {
  noteSpan(span, { fingerprint: 'prompt', values: keyedHash(prompt), callSite: undefined });
}
