import { z } from 'zod';

/**
 * A line: a title, a keyword, a point. Blank is as good as nothing, and a model that runs on and on writes no line:
 * the bounds, in characters, are several times what is asked for.
 */
export const line = z.string().trim().min(1).max(200);

/** A sentence or some. */
export const prose = z.string().trim().min(1).max(1_500);

/** Every text of an answer with its place in it. */
export function textsOf(value: unknown, path = ''): { path: string; text: string }[] {
  if (typeof value === 'string') return [{ path, text: value }];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, nested]) => textsOf(nested, path ? `${path}.${key}` : key));
}
