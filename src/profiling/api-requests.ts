import express, { type NextFunction, type Request, type Response } from 'express';
import { z } from 'zod';
import { ruleSchema, statusSchema } from './api-schemas.ts';
import type { TraceQuery } from './model.ts';

/** What the profiler's API takes, and what it answers to a request that it cannot take. */

export const apiErrorSchema = z
  .strictObject({
    error: z.enum([
      'BAD_REQUEST',
      'TOKEN_NEEDED',
      'WRONG_TOKEN',
      'FOREIGN_HOST',
      'FOREIGN_ORIGIN',
      'NOT_FOUND',
      'CONFLICT',
      'TOO_MANY_ATTEMPTS',
      'INTERNAL',
    ]),
    message: z.string().meta({ description: 'Names the field that is wrong.' }),
  })
  .meta({ id: 'ProfilerError' });

export type ApiErrorCode = z.infer<typeof apiErrorSchema>['error'];

const STATUS: Readonly<Record<ApiErrorCode, number>> = {
  BAD_REQUEST: 400,
  TOKEN_NEEDED: 401,
  WRONG_TOKEN: 401,
  FOREIGN_HOST: 403,
  FOREIGN_ORIGIN: 403,
  NOT_FOUND: 404,
  CONFLICT: 409,
  TOO_MANY_ATTEMPTS: 429,
  INTERNAL: 500,
};

export class ApiError extends Error {
  readonly code: ApiErrorCode;

  constructor(code: ApiErrorCode, message: string) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
  }
}

export function sendApiError(res: Response, code: ApiErrorCode, message: string): void {
  res.status(STATUS[code]).json({ error: code, message } satisfies z.infer<typeof apiErrorSchema>);
}

/**
 * Last in the router.
 *
 * @param onMistake told of what the profiler itself did wrong; the client is told that something was.
 */
export function apiErrorHandler(onMistake: (error: unknown) => void) {
  return (error: unknown, _req: Request, res: Response, next: NextFunction): void => {
    const { status, type } = (error ?? {}) as { status?: number; type?: string };
    if (res.headersSent) next(error);
    else if (error instanceof ApiError) sendApiError(res, error.code, error.message);
    else if (status !== undefined && status >= 400 && status < 500) {
      sendApiError(res, 'BAD_REQUEST', `body: ${type ?? 'cannot be read'}`);
    } else {
      onMistake(error);
      sendApiError(res, 'INTERNAL', 'the profiler made a mistake');
    }
  };
}

/** @throws {ApiError} BAD_REQUEST that names the first field that is wrong. */
export function parse<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  place: string,
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys.join(', ') : undefined;
  const field = unknown ?? (issue?.path.join('.') || place);
  throw new ApiError('BAD_REQUEST', `${field}: ${issue?.message ?? 'invalid'}`);
}

/** Bytes of a body: a reason is a sentence. */
const BODY_LIMIT = 4 * 1024;

const parseJson = express.json({ limit: BODY_LIMIT });

/** Only JSON: a form on a foreign page cannot send that. */
export function jsonBody(req: Request, res: Response, next: NextFunction): void {
  if (!req.is('application/json')) {
    throw new ApiError('BAD_REQUEST', 'Content-Type: must be application/json');
  }
  parseJson(req, res, next);
}

const number = z.coerce.number({ message: 'must be a number' });

export const traceQuerySchema = z.strictObject({
  route: z.string().min(1).optional(),
  status: statusSchema.optional(),
  minDurationMs: number.min(0).optional().meta({ description: 'Milliseconds.' }),
  rule: ruleSchema.optional().meta({ description: 'Traces with at least one finding of this rule.' }),
  finding: z.string().min(1).optional().meta({ description: 'A fingerprint: traces with this finding.' }),
  text: z
    .string()
    .max(200)
    .optional()
    .meta({ description: "In the trace's id, its route, a span's name or its step." }),
  order: z.enum(['newest', 'slowest']).optional(),
  limit: number.int().min(1).max(500).optional().meta({ description: '50 unless given.' }),
});

/** A query without what was not asked for. */
export function toTraceQuery(query: z.output<typeof traceQuerySchema>): TraceQuery {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as TraceQuery;
}

export const routeParamsSchema = z.object({
  route: z.string().meta({ description: 'As the list names it, encoded: `POST%20%2Fapi%2Fv1%2Fthings`.' }),
});
export const traceParamsSchema = z.object({
  traceId: z.string().regex(/^[0-9a-f]{32}$/, { message: 'must be 32 hexadecimal digits' }),
});
export const findingParamsSchema = z.object({ fingerprint: z.string().max(200) });
export const muteSchema = z.strictObject({
  reason: z.string().trim().min(1, { message: 'must say why' }).max(500),
});
