import type { JSONSchema7 } from '@ai-sdk/provider';

/** What there is of an answer that is still being written, without what the schema has no place for. */
export function fitPartial(schema: JSONSchema7, value: unknown): unknown {
  switch (schema.type) {
    case 'string':
      return typeof value === 'string' ? value : undefined;
    case 'integer':
      return Number.isInteger(value) ? value : undefined;
    case 'array':
      return Array.isArray(value)
        ? value
            .map((item) => fitPartial(schema.items as JSONSchema7, item))
            .filter((item) => item !== undefined)
        : undefined;
    case 'object':
      return typeof value === 'object' && value !== null ? fitObject(schema, value) : undefined;
    default:
      throw new TypeError(`no answer has a ${schema.type}`);
  }
}

function fitObject({ properties = {} }: JSONSchema7, value: object): object {
  const given = new Map(Object.entries(value));
  return Object.fromEntries(
    Object.entries(properties)
      .map(([key, schema]) => [key, fitPartial(schema as JSONSchema7, given.get(key))] as const)
      .filter(([, fitted]) => fitted !== undefined),
  );
}
