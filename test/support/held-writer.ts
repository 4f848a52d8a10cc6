import type { Writer } from '../../src/domain/ports.ts';
import { createLocalWriter } from '../../src/writing/local/local-writer.ts';

type Part = keyof Writer;

/** A writer whose calls wait until the test lets them go, and that says which were made and which were aborted. */
export function createHeldWriter() {
  const local = createLocalWriter();
  const gates = { persona: [], empathy: [], reflection: [] } as Record<Part, (() => void)[]>;
  const calls: Part[] = [];
  const aborted: Part[] = [];
  let open = false;
  let onCall: (() => void) | undefined;

  async function pass(part: Part, signal: AbortSignal): Promise<void> {
    calls.push(part);
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

  const writer: Writer = {
    async persona(brief, signal) {
      await pass('persona', signal);
      return local.persona(brief, signal);
    },
    async empathy(brief, signal) {
      await pass('empathy', signal);
      return local.empathy(brief, signal);
    },
    async reflection(brief, signal) {
      await pass('reflection', signal);
      return local.reflection(brief, signal);
    },
  };
  return {
    writer,
    calls,
    aborted,
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
