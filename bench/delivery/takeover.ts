import type { Writer } from '../../src/domain/ports.ts';
import { connectDatabase } from '../../src/store/database.ts';
import { linesOf, newGuests, open, SESSIONS, startSession } from '../support/client.ts';
import { type Figure, figure } from '../support/figures.ts';
import { startRedis } from '../support/redis.ts';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.ts';

/** The cards of one session. */
const CARDS_PER_SET = 6;

/**
 * One executor of two is killed with SIGKILL while it makes a session, whose persona it has written down already.
 * Without Redis there is one process, which is started again.
 */
export async function measureTakeover(databaseUrl: string): Promise<Figure[]> {
  await using resources = new AsyncDisposableStack();
  const database = connectDatabase({ url: databaseUrl, poolMax: 2 });
  resources.defer(() => database.destroy());
  const redis = await startRedis();
  if (redis) resources.use(redis);
  const start = async (role: string): Promise<ServiceProcess> => {
    const shared = redis ? { REDIS_URL: redis.url, ROLE: role } : {};
    const env = { DATABASE_URL: databaseUrl, ...shared };
    return resources.use(await startServiceProcess({ env, reportsCalls: true }));
  };
  const executors = redis ? [await start('worker'), await start('worker')] : [await start('all')];
  let api = redis ? await start('api') : executors[0];
  if (!api) throw new Error('no process');

  const [cookie = ''] = await newGuests(api.url, 1);
  const id = await startSession(api.url, cookie);
  await untilLine(api.url, cookie, id, 'persona_created');
  const victim = executors.find(({ calls }) => calls.length > 0);
  if (!victim) throw new Error('the session has a persona that nobody wrote');
  await victim.kill();
  const killedAt = performance.now();
  const kept: (keyof Writer)[] = await database('session_steps')
    .where('session_id', id)
    .whereNotNull('output')
    .pluck('name');
  if (!redis) {
    api = await start('all');
    executors.push(api);
  }
  await untilLine(api.url, cookie, id, 'completed');
  const recoveryMs = performance.now() - killedAt;

  const others = executors.filter((executor) => executor !== victim);
  const repeated = others.flatMap(({ calls }) => calls).filter((part) => kept.includes(part));
  const cards = await database('cards').where('session_id', id).count().first();
  const who = redis ? 'by another worker' : 'by the process started again';
  return [
    figure(`executor killed with -9, completed ${who}`, recoveryMs / 1000, 's', '≤ 20 s'),
    figure('model calls repeated after their checkpoint', repeated.length, 'calls', '0'),
    figure('sets of cards', Number(cards?.count) / CARDS_PER_SET, 'sets', '1'),
  ];
}

/** Follows the session until the line is there. */
async function untilLine(url: string, cookie: string, id: string, awaited: string): Promise<void> {
  const headers = { Cookie: cookie, Accept: 'application/x-ndjson' };
  const response = await open(`${url}${SESSIONS}/${id}/events`, { headers });
  for await (const { status } of linesOf(response)) if (status === awaited) return;
  throw new Error(`the stream ended without the line ${awaited}`);
}
