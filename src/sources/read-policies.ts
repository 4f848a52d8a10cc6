import type { SyncedPolicy } from '../domain/corpus.ts';
import type { StepRecorder } from '../profiling/step.ts';
import type { RecordCounts } from './sync-metrics.ts';
import type { PolicyRecord } from './youth-policy/answer.ts';
import type { YouthPolicyClient } from './youth-policy/client.ts';
import { toPolicy } from './youth-policy/policy.ts';

export interface PageLimits {
  readonly pageSize: number;
  /** Pages of one sync: what is beyond is not read. */
  readonly pages: number;
}

export interface ReadPolicies {
  readonly policies: readonly SyncedPolicy[];
  readonly counts: RecordCounts;
  /** Whether every record that there is was seen. */
  readonly isWhole: boolean;
  readonly pages: number;
}

/**
 * Reads all pages, one after the other.
 *
 * @param today as YYYY-MM-DD in Korea.
 * @throws {SourceFault} when a page is not to be had.
 */
export async function readPolicies(
  { client, recordStep, limits }: { client: YouthPolicyClient; recordStep: StepRecorder; limits: PageLimits },
  today: string,
  signal: AbortSignal,
): Promise<ReadPolicies> {
  const records: PolicyRecord[] = [];
  let seen = 0;
  let expected = Number.POSITIVE_INFINITY;
  let pages = 0;
  while (seen < expected && pages < limits.pages) {
    const number = pages + 1;
    const page = await recordStep(
      { name: 'policy_sync.page', after: [] },
      { 'meari.policy.page': number },
      () => client.page(number, limits.pageSize, signal),
    );
    records.push(...page.records);
    seen += page.count;
    expected = page.totalCount;
    pages = number;
    if (page.count === 0) break;
  }
  // A record that moves to the next page while they are read comes twice.
  const policies = new Map(
    records.flatMap((record) => toPolicy(record, today) ?? []).map((policy) => [policy.policyNo, policy]),
  );
  const rejected = seen - records.length;
  return {
    policies: [...policies.values()],
    counts: { rejected, used: policies.size, leftOut: records.length - policies.size },
    isWhole: seen >= expected,
    pages,
  };
}
