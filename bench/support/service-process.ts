import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { Writer } from '../../src/domain/ports.ts';
import type { FromService, ToService } from './slow-service.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const ENTRY = new URL('./slow-service.ts', import.meta.url).pathname;
/** Milliseconds: the service ends within 10 s of the signal. */
const STOP_WITHIN_MS = 12_000;

export interface ServiceProcess extends AsyncDisposable {
  readonly pid: number;
  /** Empty when its role is to execute alone. */
  readonly url: string;
  /** What the model was called for, with `reportsCalls`. */
  readonly calls: (keyof Writer)[];
  /** Lets a held part be written. */
  release(message: ToService): void;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

export interface ServiceProcessOptions {
  readonly env: Readonly<Record<string, string>>;
  /** Writes no part before `release`. */
  readonly holds?: boolean;
  readonly reportsCalls?: boolean;
  /** With the local writer and the corpus as they are. */
  readonly isFast?: boolean;
}

/** Starts the service with the fake model and with profiling on, as a process of its own on a free port. */
export async function startServiceProcess(options: ServiceProcessOptions): Promise<ServiceProcess> {
  const { env, holds = false, reportsCalls = false, isFast = false } = options;
  const child = fork(ENTRY, {
    cwd: ROOT,
    // More of Node's flags, such as --cpu-prof, to find out why a number is what it is.
    execArgv: ['--import', './instrumentation.ts', ...(process.env.BENCH_NODE_FLAGS?.split(' ') ?? [])],
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      NODE_ENV: 'test',
      PORT: '0',
      // What is measured must not be sampled in the middle of it.
      PROFILER_SLOW_ROUTES: 'off',
      ...(holds ? { BENCH_HOLDS: '1' } : {}),
      ...(isFast ? { BENCH_IS_FAST: '1' } : {}),
      ...(reportsCalls ? { BENCH_REPORTS_CALLS: '1' } : {}),
      ...env,
    },
    // Its log is written, and nobody reads it.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  const calls: (keyof Writer)[] = [];
  const url = await new Promise<string>((ready, fail) => {
    child.on('message', (message: FromService) => {
      if (message.kind === 'call') calls.push(message.part);
      else ready(message.url ?? '');
    });
    exited.then(([code]) => fail(new Error(`the service ended with ${code} before it was ready`)), fail);
  });
  return {
    pid: child.pid as number,
    url,
    calls,
    release: (message) => void child.send(message),
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const patience = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
      child.kill('SIGTERM');
      await exited;
      clearTimeout(patience);
    },
  };
}

/** Bytes of memory in RAM, now and at most so far; NaN where the system does not tell. */
export async function memoryOf(pid: number): Promise<{ readonly now: number; readonly peak: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const bytes = (field: string) =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
  return { now: bytes('VmRSS'), peak: bytes('VmHWM') };
}
