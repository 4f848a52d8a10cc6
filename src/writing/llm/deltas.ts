import type { JSONSchema7 } from '@ai-sdk/provider';
import { parsePartialJson } from 'ai';
import type { DeltaReader } from '../../domain/ports.ts';
import { fitPartial } from './fit-partial.ts';
import type { Task } from './task.ts';
import { withoutOpenNumber } from './texts/contacts.ts';
import { withoutOpenQuotation } from './texts/quotations.ts';

/** Milliseconds between two deltas of a part. */
const INTERVAL_MS = 100;

export interface DeltaSender {
  /** The answer so far, whole. */
  readonly push: (text: string) => void;
  /** Sends nothing more. */
  readonly stop: () => void;
}

/**
 * Tells what of an answer can be read so far: the first words at once, then ten times a second at most. While nobody
 * wants to read it, it is not looked at.
 */
export function createDeltaSender<Answer, Result>(
  { toDelta }: Pick<Task<Answer, Result>, 'toDelta'>,
  schema: JSONSchema7,
  reader: DeltaReader<Result>,
): DeltaSender {
  let latest = '';
  let told = '';
  let lastSentAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  async function flush(): Promise<void> {
    const soFar = await readSoFar(schema, latest);
    timer = undefined;
    if (stopped || soFar === undefined) return;
    const delta = toDelta(soFar as Parameters<typeof toDelta>[0]);
    const text = JSON.stringify(delta);
    if (delta === undefined || text === told) return;
    told = text;
    lastSentAt = performance.now();
    reader.tell(delta);
  }

  return {
    push(text) {
      latest = text;
      if (reader.isWanted())
        timer ??= setTimeout(flush, Math.max(0, lastSentAt + INTERVAL_MS - performance.now()));
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** What there is of an answer, without what may still turn out to be something else. */
export async function readSoFar(schema: JSONSchema7, text: string): Promise<object | undefined> {
  const { value } = await parsePartialJson(text);
  return fitPartial(schema, withSettledEnd(value)) as object | undefined;
}

/** The text that comes last is still being written; those before it are whole. */
function withSettledEnd(value: unknown): unknown {
  if (typeof value === 'string') return settled(value);
  if (typeof value !== 'object' || value === null) return value;
  const [key, last] = Object.entries(value).at(-1) ?? [];
  if (key === undefined) return value;
  return Array.isArray(value)
    ? value.with(-1, withSettledEnd(last))
    : { ...value, [key]: withSettledEnd(last) };
}

/** Whole words; of a number, a link or a quotation not the beginning alone. */
function settled(text: string): string {
  const words = text.slice(0, Math.max(0, text.search(/\s\S*$/)));
  return withoutOpenNumber(withoutOpenQuotation(words));
}
