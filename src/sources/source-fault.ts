export type SourceFaultCode =
  /** The key or the request is not accepted: the same call ends the same way. */
  | 'refused'
  /** Too many calls. */
  | 'limited'
  | 'unreachable'
  | 'timeout'
  | 'server_error'
  /** Answered, and not with what the interface promises. */
  | 'bad_answer'
  | 'too_large';

/**
 * An external source did not give what it was asked for. Carries nothing of the request or the answer: the address
 * holds the key, and an error text may quote it.
 */
export class SourceFault extends Error {
  readonly code: SourceFaultCode;
  /** Milliseconds after which the source itself wants to be asked again. */
  readonly retryAfterMs: number | undefined;

  constructor(code: SourceFaultCode, options: { retryAfterMs?: number | undefined; cause?: unknown } = {}) {
    super(`external source: ${code}`, { cause: options.cause });
    this.name = 'SourceFault';
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }
}
