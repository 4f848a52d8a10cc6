import { setImmediate } from 'node:timers/promises';

/** Milliseconds: the runner fails a test at its time limit, and does not end what it left running. */
const GIVE_UP_AFTER_MS = 150_000;

/** Asks again until there is an answer. @throws {Error} when there is none for so long that a test must have failed. */
export async function eventually<T>(ask: () => Promise<T | undefined>): Promise<T> {
  const startedAt = performance.now();
  for (;;) {
    if (performance.now() - startedAt > GIVE_UP_AFTER_MS) throw new Error('waited in vain');
    const answer = await ask();
    if (answer !== undefined) return answer;
    await setImmediate();
  }
}
