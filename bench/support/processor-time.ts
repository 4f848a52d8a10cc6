import { readdir, readFile } from 'node:fs/promises';

/** Of Linux, for `/proc`, on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;

interface ProcessTimes {
  readonly parent: number;
  readonly ownMs: number;
  /** Of children that have ended and were waited for. */
  readonly endedChildrenMs: number;
}

/** Milliseconds of processor time that a process has taken so far; NaN where the system does not tell. */
export async function processorMs(pid: number): Promise<number> {
  return (await timesOf(pid))?.ownMs ?? Number.NaN;
}

/** The same of a process and all that it has started, such as a Postgres server with its connections. */
export async function processorMsWithChildren(pid: number): Promise<number> {
  const names = await readdir('/proc').catch(() => []);
  const all = await Promise.all(
    names.filter((name) => /^\d+$/.test(name)).map((name) => timesOf(Number(name))),
  );
  const own = await timesOf(pid);
  if (!own) return Number.NaN;
  const children = all.filter((times) => times?.parent === pid);
  return children.reduce((sum, times) => sum + (times?.ownMs ?? 0), own.ownMs + own.endedChildrenMs);
}

export async function parentOf(pid: number): Promise<number> {
  return (await timesOf(pid))?.parent ?? Number.NaN;
}

/** proc_pid_stat(5): the name, which may hold anything, is in parentheses, and the third field follows it. */
async function timesOf(pid: number): Promise<ProcessTimes | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const field = (number: number) => fields[number - 3] ?? Number.NaN;
  const ms = (ticks: number) => (ticks * 1000) / TICKS_PER_SECOND;
  return {
    parent: field(4),
    ownMs: ms(field(14) + field(15)),
    endedChildrenMs: ms(field(16) + field(17)),
  };
}
