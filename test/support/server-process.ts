import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { basename } from 'node:path';

export interface ServerProcess {
  readonly pid: number | undefined;
  hasEnded(): boolean;
  /** The answer of `isReady`. When that rejects or the process ends, what it printed is thrown, and it is stopped. */
  waitFor<Answer>(isReady: Promise<Answer>): Promise<Answer>;
  /** Ends it at once, and removes its folder. Safe to call twice. */
  stop(): Promise<void>;
}

/** A server of somebody else, such as Redis, that keeps in `directory` what nobody needs after it. */
export function startServerProcess(
  path: string,
  settings: readonly string[],
  directory: string,
): ServerProcess {
  const child = spawn(path, settings, { stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
  }
  const kill = () => child.kill('SIGKILL');
  // A test that is given up by its time limit leaves no scope.
  process.once('exit', kill);
  const ended = once(child, 'close').finally(() => process.off('exit', kill));
  const stop = async () => {
    // There is nothing to save, and a server that hangs hears no other signal.
    kill();
    await ended;
    await rm(directory, { recursive: true, force: true });
  };
  return {
    pid: child.pid,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    async waitFor(isReady) {
      const endedEarly = ended.then((): never => {
        throw new Error(`${basename(path)} ended before it was ready:\n${printed}`);
      });
      try {
        return await Promise.race([isReady, endedEarly]);
      } catch (error) {
        await stop();
        throw error;
      }
    },
    stop,
  };
}
