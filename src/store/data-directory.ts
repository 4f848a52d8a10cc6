import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { StartupError } from '../errors.ts';

const run = promisify(execFile);

/** Milliseconds for a server left over to end. */
const STOP_TIMEOUT_MS = 8_000;

/** Who uses a data directory: this process, another service, or a server whose service was killed. */

/** Marks the directory as used by this process, so that a second service does not stop the first one's database. */
export async function claim(directory: string): Promise<string> {
  const file = join(directory, 'owner.pid');
  const owner = Number(await readFile(file, 'utf8').catch(() => ''));
  if (owner && owner !== process.pid && (await isOurKind(owner))) {
    throw new StartupError(
      `the database in ${directory} is in use by process ${owner}: stop it, or set DATA_DIR or DATABASE_URL`,
    );
  }
  await writeFile(file, String(process.pid));
  return file;
}

/** A pid may have been given to another program since: it is ours only while it runs Node. */
async function isOurKind(pid: number): Promise<boolean> {
  return isRunning(pid) && (await commandOf(pid)).includes('node');
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function commandOf(pid: number): Promise<string> {
  const shown = await run('ps', ['-o', 'args=', '-p', String(pid)]).catch(() => undefined);
  if (shown) return shown.stdout;
  // Slim images have no `ps`; Linux always has /proc.
  return readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
}

/** A process killed with SIGKILL leaves its server running; a second one on the same data would be refused. */
export async function stopLeftover(data: string): Promise<void> {
  const lockFile = join(data, 'postmaster.pid');
  const pid = Number((await readFile(lockFile, 'utf8').catch(() => '')).split('\n')[0]);
  if (!pid) return;
  if (!isRunning(pid) || !(await commandOf(pid)).includes(data)) {
    // Stale, and its number may belong to another program by now, which Postgres would take for a server.
    await rm(lockFile, { force: true });
    return;
  }
  process.kill(pid, 'SIGINT');
  const deadline = Date.now() + STOP_TIMEOUT_MS;
  while (isRunning(pid)) {
    if (Date.now() > deadline)
      throw new StartupError(`a Postgres server left over (process ${pid}) does not stop`);
    await new Promise((wake) => setTimeout(wake, 20));
  }
}
