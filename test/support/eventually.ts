import { setImmediate } from 'node:timers/promises';

/** Asks again until there is an answer. A test that waits in vain is ended by the runner's time limit. */
export async function eventually<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await setImmediate();
  }
}
