import { setTimeout as delay } from 'node:timers/promises';
import type { SyncedPolicyRepository } from '../domain/ports.ts';
import { describeError, type Logger } from '../log.ts';
import { createStepRecorder } from '../profiling/step.ts';
import { createPolicySync, type SyncLimits } from './policy-sync.ts';
import { createSyncMetrics } from './sync-metrics.ts';
import { type CallLimits, createYouthPolicyClient, type YouthPolicyApi } from './youth-policy/client.ts';

const MINUTE_MS = 60_000;

export interface PolicySyncLimits {
  readonly call: CallLimits;
  readonly sync: SyncLimits;
}

/** About 2 700 policies of some KiB each, on 28 pages; they change some times a day. */
const LIMITS: PolicySyncLimits = {
  call: {
    attempts: 3,
    timeoutMs: 15_000,
    retryDelayMs: 1_000,
    longestWaitMs: 30_000,
    bodyBytes: 8 * 1024 * 1024,
  },
  sync: {
    pageSize: 100,
    pages: 100,
    everyMs: 6 * 60 * MINUTE_MS,
    pauseMs: [5 * MINUTE_MS, 60 * MINUTE_MS],
    timeoutMs: 5 * MINUTE_MS,
    // Longer than a sync takes, what is stored at the end included.
    leaseMs: 6 * MINUTE_MS,
  },
};

/** Milliseconds between two looks at most: another process may have given its claim back. */
const LOOK_EVERY_MS = 10 * MINUTE_MS;
/** Milliseconds, at random, by which processes that wait for the same moment look apart. */
const APART_MS = 2_000;

export interface PolicySyncOptions {
  readonly api: YouthPolicyApi;
  readonly policies: SyncedPolicyRepository;
  readonly log: Logger;
  readonly now: () => Date;
  readonly limits?: PolicySyncLimits;
}

/**
 * Keeps the policies in the database as the youth-policy API has them, in the background. Every process may run it: one
 * synchronises, the others look on. It throws at nobody; what it cannot do stays as it was.
 */
export function startPolicySync({ api, policies, log, now, limits = LIMITS }: PolicySyncOptions) {
  const metrics = createSyncMetrics();
  const syncIfDue = createPolicySync({
    client: createYouthPolicyClient(api, limits.call),
    policies,
    recordStep: createStepRecorder({
      metric: {
        name: 'meari.policy.sync.duration',
        description: 'Duration of a policy sync, and of its pages.',
      },
    }),
    metrics,
    log,
    now,
    limits: limits.sync,
  });
  const stopped = new AbortController();
  let reachable = true;

  /** @returns milliseconds until the next look. */
  async function look(): Promise<number> {
    try {
      const dueInMs = await syncIfDue(stopped.signal);
      reachable = true;
      return dueInMs;
    } catch (error) {
      // Once for each outage: the database was away.
      if (reachable) log.warn({ err: describeError(error) }, 'policy sync cannot use the database');
      reachable = false;
      return MINUTE_MS;
    }
  }

  async function loop(): Promise<void> {
    while (!stopped.signal.aborted) {
      const waitMs = Math.min(await look(), LOOK_EVERY_MS) + Math.random() * APART_MS;
      // Rejects only when it is told to stop.
      await delay(waitMs, undefined, { signal: stopped.signal, ref: false }).catch(() => {});
    }
  }

  const endObservation = metrics.observe(policies.state);
  const running = loop();
  return {
    /** Cuts off what runs; resolves once it has given its claim back. */
    async stop(): Promise<void> {
      stopped.abort();
      await running;
      endObservation();
    },
  };
}
