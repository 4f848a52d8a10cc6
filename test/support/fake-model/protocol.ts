import type { IncomingMessage } from 'node:http';
import type { AnswerSchema } from './answer.ts';

/** A request of either protocol. */
export interface ModelRequest {
  readonly key: string;
  readonly model: string;
  readonly stream: boolean;
  readonly system: string;
  readonly user: string;
  readonly schema: AnswerSchema;
}

export type FinishReason = 'stop' | 'length' | 'blocked';

export interface Usage {
  readonly input: number;
  readonly output: number;
}

export interface Protocol {
  readonly name: 'google' | 'openai-compatible';
  /** What goes before the paths of the protocol in a base URL. */
  readonly basePath: string;
  /** @throws {Error} saying what the real provider would refuse. */
  read(req: IncomingMessage, body: unknown): ModelRequest;
  whole(text: string, finish: FinishReason, usage: Usage): object;
  /** The data of the server-sent events, of a piece of text and of the end. */
  piece(text: string): object;
  end(finish: FinishReason, usage: Usage): readonly (object | string)[];
  error(status: number, message: string, retryAfterSeconds: number | undefined): object;
}

export function expect(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

/** What OpenAI's strict mode and Gemini's subset agree on. */
export function expectStrict(schema: unknown, path = 'schema'): asserts schema is AnswerSchema {
  expect(typeof schema === 'object' && schema !== null, `${path} is no schema`);
  const { type, properties, required = [], additionalProperties, items } = schema as AnswerSchema;
  const known = ['type', 'properties', 'required', 'additionalProperties', 'items', 'minItems', 'maxItems'];
  const unknown = Object.keys(schema).filter((key) => !known.includes(key));
  expect(unknown.length === 0, `${path} uses ${unknown}`);
  if (type === 'object') {
    expect(properties, `${path} has no properties`);
    expect(additionalProperties === false, `${path} lets other properties in`);
    for (const [name, of] of Object.entries(properties)) {
      expect(required.includes(name), `${path}.${name} is not required`);
      expectStrict(of, `${path}.${name}`);
    }
  } else if (type === 'array') expectStrict(items, `${path}.items`);
  else expect(type === 'string' || type === 'integer', `${path} is a ${type}`);
}
