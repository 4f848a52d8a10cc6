import type { SyncClaim, SyncedPolicyRepository } from '../../domain/ports.ts';
import type { Database } from '../database.ts';
import { TODAY_IN_KOREA } from './korean-day.ts';

/** All times are the database's own: clocks of machines differ. */
export function createSyncedPolicyRepository(database: Database): SyncedPolicyRepository {
  const inMs = (ms: number) => database.raw(`now() + ? * interval '1 millisecond'`, [ms]);

  return {
    async claim(leaseMs) {
      const [claimed]: SyncClaim[] = await database('policy_sync')
        .where('due_at', '<=', database.fn.now())
        .update({ fence: database.raw('fence + 1'), due_at: inMs(leaseMs) })
        .returning(['fence', 'failures']);
      if (claimed) return claimed;
      const { rows } = await database.raw<{ rows: { due_in_ms: number }[] }>(
        `select greatest(0, extract(epoch from due_at - now()) * 1000)::float8 as due_in_ms from policy_sync`,
      );
      return { dueInMs: rows[0]?.due_in_ms ?? leaseMs };
    },

    async store({ fence }, policies, { removesOthers, nextInMs }) {
      return database.transaction(async (trx) => {
        // First, so that no later claim can pass between this check and the writes.
        const held = await trx('policy_sync')
          .where({ fence })
          .update({ due_at: inMs(nextInMs), failures: 0, succeeded_at: trx.fn.now() });
        if (held === 0) return undefined;
        // One binding for all rows, however many: Postgres takes 65 535 at most.
        await trx.raw(
          `insert into synced_policies (policy_no, tag_ids, name, organization, summary, link, open_until)
           select "policyNo", "tagIds", name, organization, summary, link, "openUntil"
           from json_to_recordset(?) as given (
             "policyNo" text, "tagIds" integer[], name text, organization text, summary text, link text, "openUntil" date
           )
           on conflict (policy_no) do update set
             tag_ids = excluded.tag_ids, name = excluded.name, organization = excluded.organization,
             summary = excluded.summary, link = excluded.link, open_until = excluded.open_until
           where (synced_policies.tag_ids, synced_policies.name, synced_policies.organization,
                  synced_policies.summary, synced_policies.link, synced_policies.open_until)
             is distinct from (excluded.tag_ids, excluded.name, excluded.organization,
                  excluded.summary, excluded.link, excluded.open_until)`,
          [JSON.stringify(policies)],
        );
        if (!removesOthers) return { removed: 0 };
        const removed = await trx('synced_policies')
          .whereRaw('policy_no <> all(?::text[])', [policies.map(({ policyNo }) => policyNo)])
          .delete();
        return { removed };
      });
    },

    async postpone({ fence }, { failed, nextInMs }) {
      await database('policy_sync')
        .where({ fence })
        .update({ due_at: inMs(nextInMs), failures: database.raw('failures + ?', [failed ? 1 : 0]) });
    },

    async state() {
      const { rows } = await database.raw<{ rows: { policies: number; age: number | null }[] }>(
        `select
           (select count(*)::int from synced_policies
             where open_until is null or open_until >= ${TODAY_IN_KOREA}) as policies,
           (select extract(epoch from now() - succeeded_at)::float8 from policy_sync) as age`,
      );
      const [row] = rows;
      return { policies: row?.policies ?? 0, successAgeSeconds: row?.age ?? undefined };
    },
  };
}
