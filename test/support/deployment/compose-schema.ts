import { Ajv, type ErrorObject } from 'ajv';
import schema from './compose-spec.json' with { type: 'json' };

/**
 * The JSON schema of the Compose specification (compose-spec.json: github.com/compose-spec/compose-spec, file
 * schema/compose-spec.json of commit 58a2548, Copyright The Compose Specification Authors, Apache License 2.0), as the
 * npm package `dclint` 3.1.0 carries it. The address of its draft lacks the `http:` by which the validator knows it: it
 * takes draft 7 without an address too.
 */
const { $schema: _draft7, ...rules } = schema;
const validate = new Ajv({ allErrors: true, strictTypes: false, allowUnionTypes: true }).compile(rules);

/** What the specification has against it. */
export function composeFaults(document: unknown): string[] {
  if (validate(document)) return [];
  return (validate.errors ?? []).map(describe);
}

function describe({ instancePath, message, params }: ErrorObject): string {
  return `${instancePath}: ${message} ${JSON.stringify(params)}`;
}
