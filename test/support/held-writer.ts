import type { PersonaBrief, Writer } from '../../src/domain/ports.ts';
import type { Written } from '../../src/domain/session.ts';
import { createLocalWriter } from '../../src/writing/local/local-writer.ts';

type Part = keyof Writer;

/** A writer whose calls wait until the test lets them go, and that says which were made and which were aborted. */
export function createHeldWriter() {
  const local = createLocalWriter();
  const gates = { persona: [], empathy: [], reflection: [] } as Record<Part, (() => void)[]>;
  const calls: Part[] = [];
  const startedAt: number[] = [];
  const aborted: Part[] = [];
  const degraded = new Set<Part>();
  let open = false;
  let onCall: (() => void) | undefined;

  async function pass(part: Part, brief: PersonaBrief, signal: AbortSignal): Promise<void> {
    calls.push(part);
    startedAt.push(brief.startedAt);
    onCall?.();
    if (open) return;
    await new Promise<void>((resolve, reject) => {
      const onAbort = () => {
        aborted.push(part);
        onCall?.();
        reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      gates[part].push(() => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      });
    });
  }

  const written = <T>(part: Part, { part: words }: Written<T>): Written<T> => ({
    part: words,
    degraded: degraded.has(part),
  });

  const writer: Writer = {
    async persona(brief, signal, reader) {
      await pass('persona', brief, signal);
      return written('persona', await local.persona(brief, signal, reader));
    },
    async empathy(brief, signal, reader) {
      await pass('empathy', brief, signal);
      return written('empathy', await local.empathy(brief, signal, reader));
    },
    async reflection(brief, signal, reader) {
      await pass('reflection', brief, signal);
      return written('reflection', await local.reflection(brief, signal, reader));
    },
  };
  return {
    writer,
    calls,
    /** When the runs began that the calls are of. */
    startedAt,
    aborted,
    /** Parts that are handed over as if they came from the fallback writer. */
    degraded,
    /** Resolves once `condition` holds; asked after every call and abort. */
    async until(condition: () => boolean): Promise<void> {
      while (!condition()) {
        await new Promise<void>((resolve) => {
          onCall = resolve;
        });
      }
    },
    /** Lets the calls of one part that wait go on. */
    release(part: Part): void {
      for (const go of gates[part].splice(0)) go();
    },
    /** From now on no call waits. */
    releaseAll(): void {
      open = true;
      for (const part of ['persona', 'empathy', 'reflection'] as const) this.release(part);
    },
  };
}
