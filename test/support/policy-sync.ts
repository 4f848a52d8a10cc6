import '../../instrumentation.ts';
import { Writable } from 'node:stream';
import { createLogger } from '../../src/log.ts';
import { type PolicySyncLimits, startPolicySync } from '../../src/sources/start-policy-sync.ts';
import { connectDatabase } from '../../src/store/database.ts';
import { createSyncedPolicyRepository } from '../../src/store/repositories/synced-policy-repository.ts';
import { createTestDatabase } from './database.ts';
import { eventually } from './eventually.ts';
import { type ApiRecord, apiRecord, startFakePolicyApi } from './fake-policy-api.ts';

export const PAGE_SIZE = 20;

/** Impatient, and with small pages; a pause is long enough to be told from the lease. */
const LIMITS: PolicySyncLimits = {
  call: { attempts: 3, timeoutMs: 400, retryDelayMs: 1, longestWaitMs: 2_000, bodyBytes: 256 * 1024 },
  sync: {
    pageSize: PAGE_SIZE,
    pages: 5,
    everyMs: 3_600_000,
    pauseMs: [60_000, 240_000],
    timeoutMs: 20_000,
    leaseMs: 30_000,
  },
};

/** So many policies, numbered from 0. */
export function records(count: number): ApiRecord[] {
  return Array.from({ length: count }, (_, index) => apiRecord(index));
}

/** A line that a sync has logged. */
export interface SyncLine {
  readonly msg: string;
  readonly outcome: string;
  readonly [field: string]: unknown;
}

export interface StoredPolicy {
  readonly id: number;
  readonly policy_no: string;
  readonly name: string;
}

export type TestPolicySync = Awaited<ReturnType<typeof createTestPolicySync>>;

/** The sync on a database of its own, against the fake API; it runs when a test says so. */
export async function createTestPolicySync() {
  const testDatabase = await createTestDatabase();
  const database = connectDatabase({ url: testDatabase.url, poolMax: 6 });
  const api = await startFakePolicyApi();
  const logged: string[] = [];
  const log = createLogger(
    'debug',
    new Writable({
      write(chunk, _encoding, done) {
        logged.push(String(chunk));
        done();
      },
    }),
  );

  const start = (limits: Partial<PolicySyncLimits['sync']> = {}, given: { url?: string } = {}) =>
    startPolicySync({
      api: { url: api.url, key: api.key, ...given },
      policies: createSyncedPolicyRepository(database),
      log,
      now: () => new Date(),
      limits: { call: LIMITS.call, sync: { ...LIMITS.sync, ...limits } },
    });

  const syncLines = () =>
    logged.map((line): SyncLine => JSON.parse(line)).filter(({ msg }) => msg === 'policy sync');

  /** Runs one sync to its end, and returns what it logged. */
  async function syncOnce(...given: Parameters<typeof start>): Promise<SyncLine> {
    const before = syncLines().length;
    await database('policy_sync').update({ due_at: database.fn.now() });
    const sync = start(...given);
    try {
      // The state is written before, or right after, the line.
      const line = await eventually(async () => syncLines()[before]);
      await eventually(async () => ((await due()).pending ? undefined : true));
      return line;
    } finally {
      await sync.stop();
    }
  }

  /** `pending`: only the lease has put it off. */
  async function due(): Promise<{ inSeconds: number; failures: number; pending: boolean }> {
    const [row] = await database('policy_sync').select(
      'failures',
      database.raw('extract(epoch from due_at - now())::float8 as seconds'),
    );
    return {
      inSeconds: row.seconds,
      failures: row.failures,
      pending: row.seconds <= LIMITS.sync.leaseMs / 1_000,
    };
  }

  const stored = (): Promise<StoredPolicy[]> => database('synced_policies').select('*').orderBy('policy_no');

  return {
    database,
    api,
    logged,
    /** A process, as far as the sync knows. */
    start,
    syncLines,
    syncOnce,
    due,
    stored,
    async reset(): Promise<void> {
      api.restore();
      logged.length = 0;
      await database('synced_policies').delete();
      await database('policy_sync').update({ failures: 0, succeeded_at: null, due_at: database.fn.now() });
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await database.destroy();
      await api[Symbol.asyncDispose]();
      await testDatabase.drop();
    },
  };
}
