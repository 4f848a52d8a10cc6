import pg from 'pg';
import { connectDatabase, type Database } from '../../src/store/database.ts';
import { createSessionRepository } from '../../src/store/repositories/session-repository.ts';
import { SESSION_COLUMNS } from '../../src/store/repositories/session-rows.ts';
import { startProxy } from '../../test/support/tcp-proxy.ts';
import { type Figure, figure, median, timed } from '../support/figures.ts';
import { listOneByOne } from '../support/one-by-one.ts';
import { startBenchPostgres } from '../support/postgres.ts';
import { postSession, startBenchService } from '../support/service.ts';

const PAGE = 50;
const ROUNDS = 40;
const STATEMENT_ROUNDS = 1_000;

/** A page of sessions in batches against a query for each row, on the same rows, near the database and away from it. */
export async function run(): Promise<Figure[]> {
  await using postgres = await startBenchPostgres();
  const url = await postgres.createDatabase('queries');
  const userId = await createSessions(url);
  await using proxy = await startProxy(Number(new URL(url).port));
  const database = connectDatabase({ url: proxy.through(url), poolMax: 1 });
  try {
    const near = await comparePages(database, userId);
    const roundTrip = await measureRoundTrip(database);
    proxy.delay(1, 'answers');
    const added = (await measureRoundTrip(database)) - roundTrip;
    const far = await comparePages(database, userId);
    return [
      figure(`page of ${PAGE} sessions, batched: statements`, near.batched.statements, 'statements', '2'),
      figure(`page of ${PAGE} sessions, a query a row: statements`, near.oneByOne.statements, 'statements'),
      figure('batched', near.batched.ms, 'ms'),
      figure('a query a row', near.oneByOne.ms, 'ms'),
      figure('a query a row against batched', near.oneByOne.ms / near.batched.ms, '×', '≥ 10 ×'),
      figure('added round trip', added, 'ms'),
      figure('batched, with it', far.batched.ms, 'ms'),
      figure('a query a row, with it', far.oneByOne.ms, 'ms'),
      figure('a query a row against batched, with it', far.oneByOne.ms / far.batched.ms, '×', '≥ 10 ×'),
      ...(await comparePrepared(url, userId)),
    ];
  } finally {
    await database.destroy();
  }
}

/** @returns the user whose sessions they are. */
async function createSessions(url: string): Promise<string> {
  await using service = await startBenchService({}, { DATABASE_URL: url });
  const cookie = await service.guest();
  for (let index = 0; index < PAGE + 10; index++) {
    const body = { selected_tag_id: 2, user_context: `매일 야근해요 ${index}` };
    await (await postSession(service.url, cookie, body)).arrayBuffer();
  }
  const [user] = await service.container.database('users').select('id');
  return user.id;
}

async function comparePages(database: Database, userId: string) {
  const sessions = createSessionRepository(database);
  const batched = () => sessions.list(userId, PAGE, undefined);
  const oneByOne = () => listOneByOne(database, userId, PAGE);
  const times = { batched: [] as number[], oneByOne: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    times.batched.push(await timed(batched));
    times.oneByOne.push(await timed(oneByOne));
  }
  return {
    batched: { ms: median(times.batched), statements: await countStatements(database, batched) },
    oneByOne: { ms: median(times.oneByOne), statements: await countStatements(database, oneByOne) },
  };
}

async function countStatements(database: Database, work: () => Promise<unknown>): Promise<number> {
  let statements = 0;
  const count = () => {
    statements += 1;
  };
  database.on('query', count);
  await work();
  database.off('query', count);
  return statements;
}

async function measureRoundTrip(database: Database): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < 50; round++) times.push(await timed(() => database.raw('select 1')));
  return median(times);
}

/** The same statement as a prepared one and as one that is parsed and planned each time. */
async function comparePrepared(url: string, userId: string): Promise<Figure[]> {
  const database = connectDatabase({ url, poolMax: 1 });
  const { sql: text, bindings: values } = database('meari_sessions as s')
    .leftJoin('personas as p', 'p.session_id', 's.id')
    .select(SESSION_COLUMNS)
    .where('s.user_id', userId)
    .orderBy('s.id', 'desc')
    .limit(1)
    .toSQL()
    .toNative();
  await database.destroy();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const prepared: number[] = [];
  const plain: number[] = [];
  for (let round = 0; round < STATEMENT_ROUNDS; round++) {
    prepared.push(await timed(() => client.query({ name: 'prepared', text, values: [...values] })));
    plain.push(await timed(() => client.query({ text, values: [...values] })));
  }
  await client.end();
  return [
    figure('one session with its persona, prepared', median(prepared), 'ms'),
    figure('prepared against parsed and planned each time', median(prepared) / median(plain), '×'),
  ];
}
