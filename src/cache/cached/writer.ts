import type { PersonaBrief, Writer } from '../../domain/ports.ts';
import type { Written } from '../../domain/session.ts';
import type { CachedWords } from '../caches.ts';
import type { NamedCache } from '../named-cache.ts';

/** Milliseconds that a shared text may take: it is nobody's alone, so no one's leaving ends it. */
const WRITE_WITHIN_MS = 30_000;

export interface CachedWriterOptions {
  readonly writer: Writer;
  readonly words: NamedCache<CachedWords>;
  /** Of the writer and whatever decides its words (model, version of the prompts): another one's are not given out. */
  readonly edition: string;
}

/**
 * Shares what is written for users who wrote nothing and are here for the first time. Everybody else gets words of
 * their own: those may hold what a user said, or depend on what they have read before.
 */
export function cachedWriter({ writer, words, edition }: CachedWriterOptions): Writer {
  async function shared<Part extends CachedWords['part']>(
    name: keyof Writer,
    { topic, variant }: PersonaBrief,
    write: (signal: AbortSignal) => Promise<Written<Part>>,
  ): Promise<Written<Part>> {
    const key = [edition, name, topic.tagId, variant];
    // The name in the key says which part it is.
    return (await words.get(key, () => write(AbortSignal.timeout(WRITE_WITHIN_MS)))) as Written<Part>;
  }

  return {
    persona: (brief, signal, reader) =>
      isPersonal(brief)
        ? writer.persona(brief, signal, reader)
        : shared('persona', brief, (ownSignal) => writer.persona(brief, ownSignal, reader)),
    empathy: (brief, signal, reader) =>
      isPersonal(brief)
        ? writer.empathy(brief, signal, reader)
        : shared('empathy', brief, (ownSignal) => writer.empathy(brief, ownSignal, reader)),
    reflection: (brief, signal, reader) =>
      isPersonal(brief)
        ? writer.reflection(brief, signal, reader)
        : shared('reflection', brief, (ownSignal) => writer.reflection(brief, ownSignal, reader)),
  };
}

function isPersonal({ topic, history }: PersonaBrief): boolean {
  return topic.userContext !== null || history.lastPersona !== null || history.shownQuotes.length > 0;
}
