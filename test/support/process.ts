import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { eventually } from './eventually.ts';

const ROOT = new URL('../../', import.meta.url).pathname;

/** Leaving its scope ends it, however the test went. */
export interface ServiceProcess extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly url: string;
  readonly opsUrl: string;
  /** What it has printed on both outputs. */
  output(): string;
  /** Resolves once it says that it is ready; rejects with its output when it ends before. */
  readonly ready: Promise<void>;
  /** The exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals | null>;
  /** Sends the signal to the whole group, as a terminal does with Ctrl-C. */
  signalGroup(signal: NodeJS.Signals): void;
}

export interface ProcessOptions {
  readonly env: Record<string, string>;
  /** By npm, as a person does; otherwise Node itself, so that its pid is the child's. */
  readonly throughNpm?: boolean;
}

/** Starts the service as a process of its own, on free ports unless `env` names others. */
export async function startProcess({ env, throughNpm = false }: ProcessOptions): Promise<ServiceProcess> {
  const [port, opsPort] = [env.PORT ?? (await freePort()), env.OPS_PORT ?? (await freePort())];
  const [command, args]: [string, string[]] = throughNpm
    ? ['npm', ['start', '--silent']]
    : [process.execPath, ['--import', './instrumentation.ts', 'src/main.ts']];
  const child = spawn(command, args, {
    cwd: ROOT,
    // A clean environment: the test runner's own variables are not the service's.
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      PORT: String(port),
      OPS_PORT: String(opsPort),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let printed = '';
  const ready = new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        printed += text;
        if (printed.includes('Meari is ready.')) resolve();
      });
    }
    child.once('close', () => reject(new Error(`the service ended before it was ready:\n${printed}`)));
  });
  // A test that expects the start to fail waits for `exited` alone.
  ready.catch(() => {});
  const exited = once(child, 'close').then(([code, signal]) => code ?? signal);
  const signalGroup = (signal: NodeJS.Signals) => process.kill(-(child.pid ?? Number.NaN), signal);
  return {
    child,
    url: `http://127.0.0.1:${port}`,
    opsUrl: `http://127.0.0.1:${opsPort}`,
    output: () => printed,
    ready,
    exited,
    signalGroup,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) signalGroup('SIGTERM');
      await exited;
    },
  };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** A folder that is removed with everything in it, and a database left running in it, at the end of its scope. */
export async function temporaryDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'meari-e2e-'));
  return {
    path,
    async [Symbol.asyncDispose]() {
      for (const { pid } of await processesWith(path)) process.kill(pid, 'SIGQUIT');
      await eventually(async () => ((await processesWith(path)).length === 0 ? true : undefined));
      await rm(path, { recursive: true, force: true });
    },
  };
}

/** The processes whose command line holds `text`. */
export async function processesWith(text: string): Promise<{ pid: number; command: string }[]> {
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'pid=,args=']);
  return stdout
    .split('\n')
    .map((line) => /^\s*(\d+) (.*)$/.exec(line))
    .flatMap((match) => (match?.[2]?.includes(text) ? [{ pid: Number(match[1]), command: match[2] }] : []));
}
