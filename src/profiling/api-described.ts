import { z } from 'zod';

/** A schema for each field of a type, no more and no fewer. */
export type Fields<T> = { readonly [Key in keyof Required<T>]: z.ZodType<T[Key]> };

/**
 * A schema that is held to the type which it describes: a field too many or too few does not compile. JSON leaves
 * out what is undefined, so that a field which may be that is optional here.
 */
export function described<T>(id: string, fields: Fields<T>): z.ZodType<T> {
  return z.strictObject(fields).meta({ id }) as unknown as z.ZodType<T>;
}
