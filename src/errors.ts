import type { FailureReason } from './domain/session-events.ts';

/**
 * Errors the service raises on purpose. They carry a stable code and typed context; the HTTP status and
 * the Korean message are decided in `http/` alone.
 */

export type ErrorCode =
  | 'VALIDATION_ERROR'
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'CONFLICT'
  | 'PAYLOAD_TOO_LARGE'
  | 'UNSUPPORTED_MEDIA_TYPE'
  | 'IDEMPOTENCY_KEY_REUSED'
  | 'RATE_LIMITED'
  | 'INTERNAL'
  | 'UNAVAILABLE';

export interface AppErrorOptions {
  /** What the client may read about this one occurrence. Never user text, never internals. */
  readonly detail?: string;
  /** Seconds after which trying again makes sense. */
  readonly retryAfterSeconds?: number;
  /** Why a session failed: chooses the message that its user reads. */
  readonly reason?: FailureReason;
  readonly cause?: unknown;
}

export class AppError extends Error {
  readonly code: ErrorCode;
  readonly detail: string | null;
  readonly retryAfterSeconds: number | undefined;
  readonly reason: FailureReason | undefined;

  constructor(code: ErrorCode, options: AppErrorOptions = {}) {
    super(options.detail ? `${code}: ${options.detail}` : code, { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.detail = options.detail ?? null;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.reason = options.reason;
  }
}

/** A start that cannot go on: `main.ts` prints the message as one line and exits with code 1. */
export class StartupError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StartupError';
  }
}

/** Somebody else executes the session now, or it was deleted: this run must end and write nothing more. */
export class LeaseLostError extends Error {
  /** Trying again cannot bring it back. */
  readonly isFinal = true;

  constructor() {
    super('the lease is held by another run, or the session is gone');
    this.name = 'LeaseLostError';
  }
}
