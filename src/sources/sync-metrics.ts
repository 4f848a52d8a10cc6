import { type BatchObservableResult, metrics } from '@opentelemetry/api';
import type { SyncState } from '../domain/ports.ts';
import type { SourceFaultCode } from './source-fault.ts';

/**
 * `replaced`: what is stored is what the source has. `added`: the answer was not whole, so nothing was removed.
 * `empty`: nothing in it for us. `lost`: another process had taken over. The rest are faults.
 */
export type SyncOutcome = 'replaced' | 'added' | 'empty' | 'lost' | 'cancelled' | 'error' | SourceFaultCode;

export interface RecordCounts {
  /** Cannot be read. */
  readonly rejected: number;
  /** Read, and nothing for our users. */
  readonly leftOut: number;
  readonly used: number;
}

export type SyncMetrics = ReturnType<typeof createSyncMetrics>;

/** One function for each thing that happens to a sync; label values come from closed sets. */
export function createSyncMetrics() {
  const meter = metrics.getMeter('meari');
  const syncs = meter.createCounter('meari.policy.syncs', {
    description: 'Synchronisations of the policies that have ended, by outcome.',
  });
  const records = meter.createCounter('meari.policy.records', {
    description: 'Records that synchronisations have read, by what became of them.',
  });

  return {
    syncEnded: (outcome: SyncOutcome) => syncs.add(1, { outcome }),
    recordsRead({ rejected, leftOut, used }: RecordCounts) {
      records.add(rejected, { result: 'rejected' });
      records.add(leftOut, { result: 'left_out' });
      records.add(used, { result: 'used' });
    },

    /** @returns what ends the observation. */
    observe(state: () => Promise<SyncState>): () => void {
      const policies = meter.createObservableGauge('meari.policy.synced', {
        description: 'Synchronised policies in the database that can be applied for.',
      });
      const age = meter.createObservableGauge('meari.policy.sync.age', {
        description: 'Since the last synchronisation that brought policies, by whichever process.',
        unit: 's',
      });
      const observe = async (result: BatchObservableResult) => {
        const current = await state();
        result.observe(policies, current.policies);
        if (current.successAgeSeconds !== undefined) result.observe(age, current.successAgeSeconds);
      };
      meter.addBatchObservableCallback(observe, [policies, age]);
      return () => meter.removeBatchObservableCallback(observe, [policies, age]);
    },
  };
}
