import { trace } from '@opentelemetry/api';
import { rememberCallSites } from './call-sites.ts';
import { keyedHash } from './keyed-hash.ts';
import { noteSpan } from './span-notes.ts';

const sites = rememberCallSites(1);

/**
 * Lets the profiler tell whether a model was asked the same twice. To be called in the span of the call (`gen_ai.*`);
 * of the prompt nothing is kept but a hash that means nothing outside of this process.
 */
export function notePrompt(...parts: readonly string[]): void {
  const span = trace.getActiveSpan();
  if (span === undefined) return;
  const callSite = sites.find(span, 'prompt');
  noteSpan(span, { fingerprint: 'prompt', values: keyedHash(parts.join('\u0000')), callSite });
}
