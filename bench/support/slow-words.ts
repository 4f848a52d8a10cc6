import { setTimeout as delay } from 'node:timers/promises';
import type { SourceProvider, Writer } from '../../src/domain/ports.ts';

/** Milliseconds: the fake model and the fake external API of DESIGN, section 10. */
export const DELAYS = { persona: 800, empathy: 1200, reflection: 1000, sources: 300 } as const;

export const CRITICAL_PATH_MS = DELAYS.sources + DELAYS.empathy;

/** The writer, as slow as a language model. */
export function slowWriter(writer: Writer): Writer {
  const after = async <T>(ms: number, signal: AbortSignal, write: () => Promise<T>): Promise<T> => {
    await delay(ms, undefined, { signal });
    return write();
  };
  return {
    persona: (brief, signal, reader) =>
      after(DELAYS.persona, signal, () => writer.persona(brief, signal, reader)),
    empathy: (brief, signal, reader) =>
      after(DELAYS.empathy, signal, () => writer.empathy(brief, signal, reader)),
    reflection: (brief, signal, reader) =>
      after(DELAYS.reflection, signal, () => writer.reflection(brief, signal, reader)),
  };
}

export function slowSources(sources: SourceProvider): SourceProvider {
  return {
    async forTag(tagId) {
      await delay(DELAYS.sources);
      return sources.forTag(tagId);
    },
  };
}
