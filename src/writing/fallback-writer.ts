import type { Writer } from '../domain/ports.ts';
import type { Written } from '../domain/session.ts';

export interface FallbackWriterOptions {
  readonly primary: Writer;
  readonly fallback: Writer;
  readonly onFallback: (part: keyof Writer, error: unknown) => void;
}

/** Writes with the fallback, and says so, what the primary cannot write. */
export function createFallbackWriter({ primary, fallback, onFallback }: FallbackWriterOptions): Writer {
  async function either<Part>(
    part: keyof Writer,
    signal: AbortSignal,
    write: (writer: Writer) => Promise<Written<Part>>,
  ): Promise<Written<Part>> {
    try {
      return await write(primary);
    } catch (error) {
      // Nobody waits for it any longer.
      signal.throwIfAborted();
      onFallback(part, error);
      return { ...(await write(fallback)), degraded: true };
    }
  }

  return {
    persona: (brief, signal, reader) =>
      either('persona', signal, (writer) => writer.persona(brief, signal, reader)),
    empathy: (brief, signal, reader) =>
      either('empathy', signal, (writer) => writer.empathy(brief, signal, reader)),
    reflection: (brief, signal, reader) =>
      either('reflection', signal, (writer) => writer.reflection(brief, signal, reader)),
  };
}
