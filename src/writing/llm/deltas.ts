import type { JSONSchema7 } from '@ai-sdk/provider';
import { parsePartialJson } from 'ai';
import { fitPartial } from './fit-partial.ts';

/** Milliseconds between two deltas of a part. */
const INTERVAL_MS = 100;

export interface DeltaSender {
  /** The answer so far, whole. */
  readonly push: (text: string) => void;
  /** Sends nothing more. */
  readonly stop: () => void;
}

/** Tells what of an answer can be read so far: the first words at once, then ten times a second at most. */
export function createDeltaSender(schema: JSONSchema7, send: (soFar: object) => void): DeltaSender {
  let latest = '';
  let lastSentAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  async function flush(): Promise<void> {
    const { value } = await parsePartialJson(latest);
    timer = undefined;
    const soFar = fitPartial(schema, value);
    if (stopped || !hasWords(soFar)) return;
    lastSentAt = performance.now();
    send(soFar);
  }

  return {
    push(text) {
      latest = text;
      timer ??= setTimeout(flush, Math.max(0, lastSentAt + INTERVAL_MS - performance.now()));
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** Whether there is anything to read in it yet. */
function hasWords(value: unknown): value is object {
  if (typeof value === 'string') return value.length > 0;
  return typeof value === 'object' && value !== null && Object.values(value).some(hasWords);
}
