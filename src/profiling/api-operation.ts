import type { z } from 'zod';
import type { ZodOpenApiOperationObject, ZodOpenApiResponseObject } from 'zod-openapi';
import { apiErrorSchema } from './api-requests.ts';

export function json(description: string, schema: z.ZodType): ZodOpenApiResponseObject {
  return { description, content: { 'application/json': { schema } } };
}

const ERRORS = {
  400: 'BAD_REQUEST: `message` names the field.',
  401: 'TOKEN_NEEDED, WRONG_TOKEN',
  403: 'FOREIGN_HOST, FOREIGN_ORIGIN: asked for by a page of another site.',
  404: 'NOT_FOUND',
  429: 'TOO_MANY_ATTEMPTS: too many wrong tokens; see `Retry-After`.',
} as const;

/** An operation with the errors that any of them may answer, and those of its own. */
export function operation(
  operationId: string,
  summary: string,
  responses: Record<string, ZodOpenApiResponseObject>,
  rest: Partial<ZodOpenApiOperationObject> = {},
  errors: readonly (keyof typeof ERRORS)[] = [],
): ZodOpenApiOperationObject {
  const statuses = [...errors, 401, 403, 429] as const;
  return {
    operationId,
    summary,
    ...rest,
    responses: {
      ...responses,
      ...Object.fromEntries(statuses.map((status) => [status, json(ERRORS[status], apiErrorSchema)])),
    },
  };
}
