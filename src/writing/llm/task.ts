import type { JSONSchema7 } from '@ai-sdk/provider';
import { z } from 'zod';
import type { DeepPartial } from '../../domain/ports.ts';
import { ModelError } from './model-error.ts';

/** Something to be written by the model: what it is asked, what fits as an answer, and what is made of it. */
export interface Task<Answer, Result> {
  readonly name: string;
  /** When the run of the session began that it is for, by `performance.now()`. */
  readonly startedAt: number;
  readonly system: string;
  readonly user: string;
  readonly schema: z.ZodType<Answer>;
  /** What is wrong with an answer that meets the schema: rules, never its words. */
  readonly faultsOf: (answer: Answer) => readonly string[];
  readonly toResult: (answer: Answer) => Result;
  /** What can be shown of an answer that is being written; undefined while there is nothing to read. */
  readonly toDelta: (soFar: DeepPartial<Answer>) => DeepPartial<Result> | undefined;
}

/** @throws {ModelError} that names every fault of an answer that does not fit. */
export function readAnswer<Answer, Result>(task: Task<Answer, Result>, text: string): Answer {
  const parsed = task.schema.safeParse(parseJson(text));
  const faults = parsed.success
    ? task.faultsOf(parsed.data)
    : parsed.error.issues.map(({ path, code }) => `${path.join('.') || 'answer'}: ${code}`);
  if (faults.length > 0 || !parsed.success) throw new ModelError('invalid_answer', { faults });
  return parsed.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ModelError('invalid_answer', { faults: ['answer: not JSON, or not all of it'] });
  }
}

/**
 * The schema as providers take it in their strict modes: no `$schema`, no lengths of texts, no bounds of integers that
 * only say what JavaScript can count to.
 */
export function toJsonSchema(schema: z.ZodType): JSONSchema7 {
  const { $schema, ...json } = z.toJSONSchema(schema, {
    target: 'draft-7',
    override({ jsonSchema }) {
      if (jsonSchema.type === 'string') {
        delete jsonSchema.minLength;
        delete jsonSchema.maxLength;
      }
      if (jsonSchema.type === 'integer') {
        delete jsonSchema.minimum;
        delete jsonSchema.maximum;
      }
    },
  });
  return json as JSONSchema7;
}
