import { context, propagation, ROOT_CONTEXT } from '@opentelemetry/api';
import type { ExecutionRepository, ForgottenSession, SessionBus, SessionQueue } from '../domain/ports.ts';
import { describeError, type Logger } from '../log.ts';
import type { SessionMetrics } from './session-metrics.ts';

/** Runs of one session that may end without a word, before it counts as one that kills its executor. */
const MAX_ATTEMPTS = 5;
const LOOK_EVERY_MS = 1_000;
/** Seconds after which a session that was handed out, and that nobody executes, is handed out again. */
const FORGOTTEN_AFTER_SECONDS = 10;
const BATCH = 1_000;

export interface RecoveryDependencies {
  readonly executions: ExecutionRepository;
  readonly queue: SessionQueue;
  /** The queue lives and dies with this process: at its start, everything that waits is forgotten. */
  readonly queueIsNew: boolean;
  readonly bus: SessionBus;
  readonly metrics: SessionMetrics;
  readonly log: Logger;
}

/** Hands out again what was accepted and forgotten, or left by an executor that is gone. Runs in every process. */
export function startRecovery(dependencies: RecoveryDependencies) {
  const { executions, queue, queueIsNew, bus, metrics, log } = dependencies;
  const stopped = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let reachable = true;
  let offeredSeconds = queueIsNew ? 0 : FORGOTTEN_AFTER_SECONDS;

  /** @returns how many sessions were handed out. */
  async function look(): Promise<number> {
    for (const id of await executions.failExhausted(MAX_ATTEMPTS)) {
      log.error({ session_id: id, reason: 'attempts_exhausted' }, 'session failed');
      // Followers read the end from the rows.
      bus.publish(id, { kind: 'changed' });
    }
    const forgotten = await executions.takeForgotten(BATCH, offeredSeconds);
    await Promise.all(forgotten.map(handOut));
    return forgotten.length;
  }

  async function handOut({ id, fence, traceparent, kind }: ForgottenSession): Promise<void> {
    if (stopped.signal.aborted) return;
    metrics.recovered(kind);
    log.info({ session_id: id, fence, kind }, 'session handed out again');
    const carrier = traceparent === undefined ? {} : { traceparent };
    await context.with(propagation.extract(ROOT_CONTEXT, carrier), () => queue.enqueue(id, fence));
  }

  async function loop(): Promise<void> {
    try {
      const taken = await look();
      if (taken < BATCH) offeredSeconds = FORGOTTEN_AFTER_SECONDS;
      reachable = true;
    } catch (error) {
      // Once for each outage, not once a second.
      if (reachable) log.warn({ err: describeError(error) }, 'recovery cannot read the sessions');
      reachable = false;
    }
    if (stopped.signal.aborted) return;
    timer = setTimeout(() => {
      running = loop();
    }, LOOK_EVERY_MS);
  }

  let running = loop();
  return {
    async stop() {
      stopped.abort();
      clearTimeout(timer);
      await running;
    },
  };
}
