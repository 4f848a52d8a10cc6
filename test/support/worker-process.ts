import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { readConfig } from '../../src/config.ts';
import { createContainer } from '../../src/container.ts';
import type { CardsBrief, PersonaBrief, Writer } from '../../src/domain/ports.ts';
import { createLogger } from '../../src/log.ts';
import { createLocalWriter } from '../../src/writing/local/local-writer.ts';

/**
 * The service as a process to be killed: `src/main.ts` in small, with a writer that is slow and leaves a row for
 * each call. The first half of this file is for the test that starts it, the second half is the process.
 */

export type Part = keyof Writer;
/** Least and most milliseconds of each part's calls. */
export type WriterDelays = Readonly<Record<Part, readonly [number, number]>>;

/** Leaving its scope ends it, however the test went. */
export interface WorkerProcess extends AsyncDisposable {
  readonly pid: number;
  /** Of its API; a process with ROLE=worker has none and answers nothing there. */
  readonly url: string;
  readonly opsUrl: string;
  /** What it has printed on both outputs. */
  output(): string;
  /** SIGKILL; resolves once it is gone. */
  kill(): Promise<void>;
  /** SIGTERM. The exit code, or the signal that ended it. Safe to call twice, and after `kill`. */
  stop(): Promise<number | NodeJS.Signals>;
}

export interface WorkerProcessOptions {
  readonly databaseUrl: string;
  readonly delays: WriterDelays;
  /** Of the delays between least and most: the same seed, session key and part wait equally long, in any process. */
  readonly seed?: number;
  readonly env?: Readonly<Record<string, string>>;
}

const ENTRY = new URL(import.meta.url).pathname;
const ROOT = new URL('../../', import.meta.url).pathname;

/**
 * Starts the process on ports of its own choice. Resolves once it is ready.
 *
 * @throws {Error} with what it printed, when it ends before that.
 */
export async function startWorkerProcess(options: WorkerProcessOptions): Promise<WorkerProcess> {
  const { databaseUrl, delays, seed = 0, env = {} } = options;
  const child = spawn(process.execPath, ['--import', './instrumentation.ts', ENTRY], {
    cwd: ROOT,
    // A clean environment: the test runner's own variables are not the service's.
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      HOST: '127.0.0.1',
      PORT: '0',
      OPS_PORT: '0',
      LOG_LEVEL: 'warn',
      DATABASE_URL: databaseUrl,
      WRITER_DELAYS: JSON.stringify(delays),
      WRITER_SEED: String(seed),
      ...env,
    },
    // Its input ends with this process, and the child with its input: nothing outlives a test that is killed.
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  const { ports, output } = await ready(child, ended);
  return {
    pid: child.pid as number,
    url: `http://127.0.0.1:${ports.api}`,
    opsUrl: `http://127.0.0.1:${ports.ops}`,
    output,
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
    stop() {
      child.kill('SIGTERM');
      return ended;
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      // One that was stopped hears nothing else.
      child.kill('SIGCONT');
      await ended;
    },
  };
}

async function ready(child: ChildProcess, ended: Promise<unknown>) {
  let printed = '';
  const found = Promise.withResolvers<{ api: string; ops: string }>();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
      const [, api, ops] = /^Meari is ready\. api=(\d+) ops=(\d+)$/m.exec(printed) ?? [];
      if (api !== undefined && ops !== undefined) found.resolve({ api, ops });
    });
  }
  const endedEarly = ended.then((code): never => {
    throw new Error(`a worker process ended before it was ready (${code}):\n${printed}`);
  });
  return { ports: await Promise.race([found.promise, endedEarly]), output: () => printed };
}

/** A text for `user_context` by which the calls for a session are told from those for others. */
export function keyedContext(key: string): string {
  return `매일 야근하고 집에 오면 아무것도 못 하겠어요 [#${key}]`;
}

/** Read by Postgres too, which takes the same syntax. */
const KEY = /\[#([\w-]+)\]/;

/** Tables for what the processes do, all times by the one clock of the database. */
export async function createCallLog(database: pg.Client): Promise<void> {
  await database.query(`
    create table writer_calls (
      session_key text not null,
      step text not null,
      phase text not null check (phase in ('start', 'end')),
      pid integer not null,
      at timestamptz not null default clock_timestamp()
    );
    create table checkpoints (
      session_id uuid not null,
      step text not null,
      at timestamptz not null default clock_timestamp()
    );
    create function log_checkpoint() returns trigger language plpgsql as $$
      begin
        insert into checkpoints (session_id, step) values (new.session_id, new.name);
        return null;
      end $$;
    -- Also on update, so that a checkpoint written over another one does not go unseen.
    create trigger log_checkpoint after insert or update on session_steps
      for each row when (new.output is not null) execute function log_checkpoint();
  `);
}

export interface PartHistory {
  readonly key: string;
  readonly session_id: string;
  readonly step: Part;
  /** Calls that were begun, and those of them that came to their end. */
  readonly started: number;
  readonly ended: number;
  /** Calls that were begun when there was a checkpoint already: paid for twice. */
  readonly repeated: number;
  readonly checkpoints: number;
}

/** What became of each part of each session, in the order of the keys. */
export async function readCallLog(database: pg.Client): Promise<PartHistory[]> {
  const { rows } = await database.query<PartHistory>(`
    with keyed as (
      select id, substring(user_context from '${KEY.source}') as key
      from meari_sessions
    )
    select keyed.key, keyed.id as session_id, parts.step,
      (select count(*)::int from writer_calls as c
        where c.session_key = keyed.key and c.step = parts.step and c.phase = 'start') as started,
      (select count(*)::int from writer_calls as c
        where c.session_key = keyed.key and c.step = parts.step and c.phase = 'end') as ended,
      (select count(*)::int from writer_calls as c
        where c.session_key = keyed.key and c.step = parts.step and c.phase = 'start' and c.at > (
          select min(p.at) from checkpoints as p where p.session_id = keyed.id and p.step = parts.step
        )) as repeated,
      (select count(*)::int from checkpoints as p
        where p.session_id = keyed.id and p.step = parts.step) as checkpoints
    from keyed cross join (values ('persona'), ('empathy'), ('reflection')) as parts (step)
    order by keyed.key, parts.step
  `);
  return rows;
}

// What follows runs in the process itself.

/** Waits before each call returns, with a row before the wait and one after it, right before the return. */
function recordingWriter(database: pg.Client, delays: WriterDelays, seed: number): Writer {
  const local = createLocalWriter();

  async function record(part: Part, { topic }: PersonaBrief, signal: AbortSignal): Promise<void> {
    const key = KEY.exec(topic.userContext ?? '')?.[1];
    if (key === undefined) throw new Error('a session without a key: see keyedContext');
    const note = (phase: 'start' | 'end') =>
      database.query('insert into writer_calls (session_key, step, phase, pid) values ($1, $2, $3, $4)', [
        key,
        part,
        phase,
        process.pid,
      ]);
    await note('start');
    const [least, most] = delays[part];
    await sleep(least + (most - least) * fraction(`${seed} ${key} ${part}`), undefined, { signal });
    await note('end');
  }

  return {
    async persona(brief: PersonaBrief, signal) {
      await record('persona', brief, signal);
      return local.persona(brief, signal);
    },
    async empathy(brief: CardsBrief, signal) {
      await record('empathy', brief, signal);
      return local.empathy(brief, signal);
    },
    async reflection(brief: CardsBrief, signal) {
      await record('reflection', brief, signal);
      return local.reflection(brief, signal);
    },
  };
}

/** From 0 to 1, spread evenly, always the same for the same text. */
function fraction(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE() / 2 ** 32;
}

async function serve(): Promise<void> {
  const signalled = new Promise((resolve) => process.on('SIGTERM', resolve));
  process.stdin.resume().once('end', () => process.exit(1));
  const config = readConfig(process.env);
  const { WRITER_DELAYS = '', WRITER_SEED } = process.env;
  await using resources = new AsyncDisposableStack();

  const database = new pg.Client({ connectionString: config.database.url });
  await database.connect();
  resources.defer(() => database.end());
  const writer = recordingWriter(database, JSON.parse(WRITER_DELAYS), Number(WRITER_SEED));

  const container = await createContainer(config, createLogger(config.logLevel), { writer });
  resources.defer(() => container.close());
  const api = container.app ? await listen(container.app, config.api.port) : undefined;
  const ops = await listen(container.opsApp, config.ops.port);
  process.stdout.write(`Meari is ready. api=${api ? portOf(api) : 0} ops=${portOf(ops)}\n`);

  await signalled;
  void container.stop();
  await Promise.all([api && close(api), close(ops)]);
}

async function listen(app: RequestListener, port: number): Promise<Server> {
  const server = createServer(app).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function close(server: Server): Promise<void> {
  return new Promise((closed) => {
    server.close(() => closed());
  });
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

if (import.meta.main) {
  await serve();
  process.exit(0);
}
