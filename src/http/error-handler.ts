import { isSpanContextValid, trace } from '@opentelemetry/api';
import type { NextFunction, Request, Response } from 'express';
import { z } from 'zod';
import { CRISIS_SUPPORT } from '../domain/crisis.ts';
import { crisisSupportSchema } from '../domain/session.ts';
import { AppError, type ErrorCode } from '../errors.ts';
import { describeError, type Logger } from '../log.ts';
import { isDatabaseUnavailable } from '../store/database-errors.ts';
import { ERRORS, FAILURE_MESSAGES } from './messages.ts';

export const errorBodySchema = z
  .object({
    status: z.literal('error'),
    error_code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
    message: z.string().meta({ description: 'Korean, for the user.' }),
    detail: z.string().nullable().meta({ description: 'English, for the developer: names the field.' }),
    timestamp: z.iso.datetime(),
    trace_id: z.string(),
    crisis_support: crisisSupportSchema.optional(),
  })
  .meta({ id: 'Error' });

/** The errors of body-parser and Express by their `type`; what else they throw below 500 is a bad request. */
const PARSER_ERRORS: Readonly<Record<string, { code: ErrorCode; detail: string }>> = {
  'entity.parse.failed': { code: 'VALIDATION_ERROR', detail: 'body: not valid JSON' },
  'entity.too.large': { code: 'PAYLOAD_TOO_LARGE', detail: 'body' },
  'encoding.unsupported': { code: 'UNSUPPORTED_MEDIA_TYPE', detail: 'Content-Encoding' },
  'charset.unsupported': { code: 'UNSUPPORTED_MEDIA_TYPE', detail: 'Content-Type: charset' },
};

/** Seconds: the database, or the server that brings it back, needs a moment. */
const UNAVAILABLE_RETRY_SECONDS = 2;

export function errorHandler(log: Logger, now: () => Date) {
  return (error: unknown, _req: Request, res: Response, next: NextFunction): void => {
    const known = toAppError(error);
    if (known.code === 'INTERNAL' || known.code === 'UNAVAILABLE') {
      log.error({ err: describeError(known.cause ?? known) }, 'request failed');
    }
    // Half an answer is out: Express cuts the connection, so that the client does not take it for a whole one.
    if (res.headersSent) {
      next(error);
      return;
    }
    if (known.retryAfterSeconds !== undefined) res.setHeader('Retry-After', String(known.retryAfterSeconds));
    res.status(ERRORS[known.code].status).json(errorBody(known, now(), res.locals.crisis === true));
  };
}

/** @param crisis whether the request's words say that their writer may hurt themselves. */
export function errorBody(error: AppError, now: Date, crisis: boolean): z.infer<typeof errorBodySchema> {
  const context = trace.getActiveSpan()?.spanContext();
  return {
    status: 'error',
    error_code: error.code,
    message: error.reason ? FAILURE_MESSAGES[error.reason] : ERRORS[error.code].message,
    detail: error.detail,
    timestamp: now.toISOString(),
    trace_id: context && isSpanContextValid(context) ? context.traceId : '',
    ...(crisis ? { crisis_support: CRISIS_SUPPORT } : {}),
  };
}

/** Any error as one that has a code; the database's absence is UNAVAILABLE, what is not known is INTERNAL. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) {
    return error;
  }
  if (isDatabaseUnavailable(error)) return unavailable(error);
  const { type, status } = (error ?? {}) as { type?: string; status?: number };
  const parserError = type === undefined ? undefined : PARSER_ERRORS[type];
  if (parserError) return new AppError(parserError.code, { detail: parserError.detail });
  if (status !== undefined && status >= 400 && status < 500) {
    return new AppError('VALIDATION_ERROR', { detail: 'malformed request' });
  }
  return new AppError('INTERNAL', { cause: error });
}

function unavailable(cause: unknown): AppError {
  return new AppError('UNAVAILABLE', { retryAfterSeconds: UNAVAILABLE_RETRY_SECONDS, cause });
}
