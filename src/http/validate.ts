import type { z } from 'zod';
import { AppError } from '../errors.ts';

/**
 * @param place the part of the request, for errors about the whole of it.
 * @throws {AppError} VALIDATION_ERROR whose detail names the first field that is wrong, never its value.
 */
export function validate<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  place: string,
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = issue?.path.join('.') || place;
  throw new AppError('VALIDATION_ERROR', { detail: `${field}: ${issue?.message ?? 'invalid'}` });
}
