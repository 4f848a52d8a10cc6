import { context, propagation } from '@opentelemetry/api';
import type { ExecutionRepository, SessionBus, SessionQueue } from '../domain/ports.ts';
import { describeError, type Logger } from '../log.ts';
import type { SessionMetrics } from './session-metrics.ts';

/** Runs of one session that may end without a word, before it counts as one that kills its executor. */
const MAX_ATTEMPTS = 5;
const LOOK_EVERY_MS = 1_000;
const BATCH = 200;

export interface RecoveryDependencies {
  readonly executions: ExecutionRepository;
  readonly queue: SessionQueue;
  readonly bus: SessionBus;
  readonly metrics: SessionMetrics;
  readonly log: Logger;
}

/** Hands out again what was accepted and forgotten, or left by an executor that is gone. Runs in every process. */
export function startRecovery({ executions, queue, bus, metrics, log }: RecoveryDependencies) {
  const stopped = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let reachable = true;

  async function look(): Promise<void> {
    for (const id of await executions.failExhausted(MAX_ATTEMPTS)) {
      log.error({ session_id: id, reason: 'attempts_exhausted' }, 'session failed');
      // Followers read the end from the rows.
      bus.publish(id, { kind: 'changed' });
    }
    for (const { id, attempts, traceparent, kind } of await executions.takeForgotten(BATCH)) {
      metrics.recovered(kind);
      log.info({ session_id: id, attempts, kind }, 'session handed out again');
      const carrier = traceparent === undefined ? {} : { traceparent };
      await context.with(propagation.extract(context.active(), carrier), () => queue.enqueue(id, attempts));
    }
  }

  async function loop(): Promise<void> {
    try {
      await look();
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
