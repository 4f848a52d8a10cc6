import type { SyncClaim, SyncedPolicyRepository } from '../domain/ports.ts';
import { describeError, type Logger } from '../log.ts';
import type { StepRecorder } from '../profiling/step.ts';
import { type PageLimits, type ReadPolicies, readPolicies } from './read-policies.ts';
import { SourceFault } from './source-fault.ts';
import type { SyncMetrics, SyncOutcome } from './sync-metrics.ts';
import type { YouthPolicyClient } from './youth-policy/client.ts';

export interface SyncLimits extends PageLimits {
  /** Milliseconds between two syncs. */
  readonly everyMs: number;
  /** Milliseconds after a first failure; doubles from there, to the second number. */
  readonly pauseMs: readonly [first: number, longest: number];
  /** Milliseconds that a sync may take. */
  readonly timeoutMs: number;
  /** Milliseconds after which a process that has begun a sync, and said nothing more, counts as gone. */
  readonly leaseMs: number;
}

export interface PolicySyncDependencies {
  readonly client: YouthPolicyClient;
  readonly policies: SyncedPolicyRepository;
  readonly recordStep: StepRecorder;
  readonly metrics: SyncMetrics;
  readonly log: Logger;
  readonly now: () => Date;
  readonly limits: SyncLimits;
}

/** Milliseconds that a source may ask for: a day, and not the year that a broken header says. */
const LONGEST_RETRY_AFTER_MS = 24 * 60 * 60 * 1_000;

/** What it returns synchronises if that is due and no other process does, and says in how many ms it may be again. */
export function createPolicySync(dependencies: PolicySyncDependencies) {
  const { client, policies: stored, recordStep, metrics, log, now, limits } = dependencies;

  async function sync(claim: SyncClaim, signal: AbortSignal): Promise<void> {
    const startedAt = performance.now();
    const report = (outcome: SyncOutcome, fields: object, error?: unknown) => {
      metrics.syncEnded(outcome);
      const line = { outcome, ...fields, duration_ms: Math.round(performance.now() - startedAt) };
      if (error === undefined) log.info(line, 'policy sync');
      else log.warn({ ...line, err: describeError(error) }, 'policy sync');
    };
    try {
      const { read, outcome, removed } = await recordStep({ name: 'policy_sync', after: [] }, {}, () =>
        attempt(claim, signal),
      );
      const { policies, counts, pages } = read;
      metrics.recordsRead(counts);
      report(outcome, {
        pages,
        policies: policies.length,
        left_out: counts.leftOut,
        rejected: counts.rejected,
        removed,
      });
    } catch (error) {
      // At a shutdown another process may begin at once; nothing has failed.
      const cancelled = signal.aborted;
      const nextInMs = cancelled ? 0 : pauseAfter(claim, error);
      if (cancelled) report('cancelled', {});
      else report(outcomeOf(error), { next_in_s: Math.round(nextInMs / 1_000) }, error);
      await stored.postpone(claim, { failed: !cancelled, nextInMs });
    }
  }

  async function attempt(claim: SyncClaim, signal: AbortSignal) {
    const read = await withinTime((limited) =>
      readPolicies({ client, recordStep, limits }, koreanDay(now()), limited),
    );
    const removesOthers = await replaces(read);
    const nextInMs = limits.everyMs * (1 + Math.random() / 10);
    if (read.policies.length === 0) {
      await stored.postpone(claim, { failed: true, nextInMs: pauseAfter(claim, undefined) });
      return { read, outcome: 'empty' as const, removed: 0 };
    }
    signal.throwIfAborted();
    const result = await stored.store(claim, read.policies, { removesOthers, nextInMs });
    if (result === undefined) return { read, outcome: 'lost' as const, removed: 0 };
    return { read, outcome: removesOthers ? ('replaced' as const) : ('added' as const), ...result };

    async function withinTime<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
      const timeout = AbortSignal.timeout(limits.timeoutMs);
      try {
        return await work(AbortSignal.any([signal, timeout]));
      } catch (error) {
        signal.throwIfAborted();
        throw timeout.aborted ? new SourceFault('timeout', { cause: error }) : error;
      }
    }
  }

  /**
   * The rule by which anything is ever removed: every record was seen, and at least half as many policies came as are
   * stored and open. A source that has lost its data, or changed its fields, takes nothing from our users.
   */
  async function replaces({ isWhole, policies }: ReadPolicies): Promise<boolean> {
    return isWhole && policies.length * 2 >= (await stored.state()).policies;
  }

  function pauseAfter({ failures }: SyncClaim, error: unknown): number {
    const [first, longest] = limits.pauseMs;
    const pause = Math.min(longest, first * 2 ** failures) * (1 + Math.random() / 10);
    const asked = error instanceof SourceFault ? (error.retryAfterMs ?? 0) : 0;
    return Math.max(pause, Math.min(asked, LONGEST_RETRY_AFTER_MS));
  }

  return async function syncIfDue(signal: AbortSignal): Promise<number> {
    const claim = await stored.claim(limits.leaseMs);
    if ('dueInMs' in claim) return claim.dueInMs;
    await sync(claim, signal);
    return 0;
  };
}

function outcomeOf(error: unknown): SyncOutcome {
  return error instanceof SourceFault ? error.code : 'error';
}

/** The date in Korea, as YYYY-MM-DD: what Swedish dates look like. */
function koreanDay(time: Date): string {
  return new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Seoul' }).format(time);
}
