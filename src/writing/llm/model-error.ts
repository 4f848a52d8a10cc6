import { APICallError } from '@ai-sdk/provider';

/** What can go wrong with a call, from a closed set: it names errors in metrics, spans and logs. */
export type ModelFault =
  /** 401 or 403: this key is not taken. */
  | 'key_refused'
  /** 429: over a quota, for `retryAfterMs`. */
  | 'rate_limited'
  /** Another 4xx: the same request would be refused again. */
  | 'request_refused'
  /** 5xx, or an error in the middle of a stream. */
  | 'unavailable'
  /** Not reached, or cut off. */
  | 'connection'
  /** The call's own time limit. */
  | 'timeout'
  /** Stopped by the provider's content filter. */
  | 'blocked'
  /** Not JSON, not of the schema, or against the rules: `faults` says how. */
  | 'invalid_answer'
  /** No key can be used now, for `retryAfterMs`. */
  | 'keys_resting'
  /** The provider has failed too often to be asked at all. */
  | 'circuit_open'
  /** The time that the words of a session may take is over. */
  | 'budget_spent';

export interface ModelErrorOptions {
  readonly retryAfterMs?: number;
  /** Of an answer that does not fit: paths and rules, never what it says. */
  readonly faults?: readonly string[];
}

/**
 * The one error that leaves this folder. It has neither message nor cause of the error that it stands for: those of
 * the SDK carry the request, and that is what a user wrote.
 */
export class ModelError extends Error {
  readonly code: ModelFault;
  readonly retryAfterMs: number | undefined;
  readonly faults: readonly string[];

  constructor(code: ModelFault, { retryAfterMs, faults = [] }: ModelErrorOptions = {}) {
    super(code);
    this.name = 'ModelError';
    this.code = code;
    this.retryAfterMs = retryAfterMs;
    this.faults = faults;
  }
}

export function isModelError(error: unknown, ...codes: readonly ModelFault[]): error is ModelError {
  return error instanceof ModelError && codes.includes(error.code);
}

/** What the SDK throws or puts into its stream, as one of ours. */
export function toModelError(error: unknown): ModelError {
  if (error instanceof ModelError) return error;
  if (!APICallError.isInstance(error) || error.statusCode === undefined) return new ModelError('connection');
  const { statusCode, responseHeaders = {}, responseBody = '' } = error;
  const retryAfterMs = readRetryAfter(responseHeaders, responseBody);
  const options = retryAfterMs === undefined ? {} : { retryAfterMs };
  // Gemini answers 400 to a key that it does not know.
  if (statusCode === 401 || statusCode === 403 || responseBody.includes('API_KEY_INVALID')) {
    return new ModelError('key_refused');
  }
  if (statusCode === 429) return new ModelError('rate_limited', options);
  if (statusCode === 408 || statusCode >= 500) return new ModelError('unavailable', options);
  // A body that is not what the protocol says, under a status of success.
  return new ModelError(statusCode < 400 ? 'unavailable' : 'request_refused');
}

/** Milliseconds that a provider may ask for: a day, and not the year that a broken header says. */
const LONGEST_RETRY_AFTER_MS = 24 * 60 * 60 * 1_000;

/** Milliseconds: `Retry-After` in seconds or as a date, OpenAI's `retry-after-ms`, Gemini's `RetryInfo` in the body. */
function readRetryAfter(headers: Readonly<Record<string, string>>, body: string): number | undefined {
  const asked = readAsked(headers, body);
  return asked === undefined ? undefined : Math.min(LONGEST_RETRY_AFTER_MS, Math.max(0, asked));
}

function readAsked(headers: Readonly<Record<string, string>>, body: string): number | undefined {
  const ms = Number.parseFloat(headers['retry-after-ms'] ?? '');
  if (ms >= 0) return ms;
  const text = headers['retry-after'] ?? /"retryDelay":\s*"([\d.]+)s"/.exec(body)?.[1];
  if (text === undefined) return undefined;
  const inMs = /^[\d.]+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(inMs) ? undefined : inMs;
}
