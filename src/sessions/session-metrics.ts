import { type BatchObservableResult, metrics, SpanStatusCode, trace } from '@opentelemetry/api';
import type { ExecutionLoad } from '../domain/ports.ts';
import { WAITED_MS } from '../profiling/attributes.ts';
import { noteChange } from './session-span.ts';

export type ExecutionOutcome = 'completed' | 'failed' | 'lease_lost' | 'released';
export type StreamFormat = 'ndjson' | 'sse';
export type SessionMetrics = ReturnType<typeof createSessionMetrics>;

/** Seconds: a free executor takes a session at once; a full queue makes it wait for minutes. */
const WAIT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

export interface LoadLimits {
  /** Sessions that may wait, in all. */
  readonly queued: number;
  /** Sessions that this process takes from the queue at once. */
  readonly slots: number;
}

/**
 * One function for each thing that happens to sessions, for metrics and the active span; label values come from closed
 * sets.
 */
export function createSessionMetrics() {
  const meter = metrics.getMeter('meari');
  const queueWait = meter.createHistogram('meari.session.queue.wait', {
    description: 'From the acceptance of a session to the start of its first run.',
    unit: 's',
    advice: { explicitBucketBoundaries: WAIT_BUCKETS },
  });
  const executions = meter.createCounter('meari.session.executions', {
    description: 'Runs of sessions that have ended, by outcome.',
  });
  const attempts = meter.createHistogram('meari.session.attempts', {
    description: 'Runs that a finished session took.',
    advice: { explicitBucketBoundaries: [1, 2, 3, 4, 5] },
  });
  const recoveries = meter.createCounter('meari.session.recoveries', {
    description:
      'Sessions handed out again: waiting for long (queued), or left by their executor (abandoned).',
  });
  const leasesLost = meter.createCounter('meari.session.leases.lost', {
    description: 'Runs that ended because another one had taken over, or the session was deleted.',
  });
  const fallbacks = meter.createCounter('meari.session.queue.fallbacks', {
    description:
      'Sessions that the shared queue did not take in time, executed in the process that accepted them.',
  });
  const streams = meter.createUpDownCounter('meari.session.streams.open', {
    description: 'Open event streams.',
  });

  // There from the start: of a counter that appears with its first event, no rate can see that event.
  for (const outcome of ['completed', 'failed', 'lease_lost', 'released']) executions.add(0, { outcome });
  for (const kind of ['queued', 'abandoned']) recoveries.add(0, { kind });
  leasesLost.add(0);
  fallbacks.add(0);

  let openStreams = 0;

  return {
    runStarted(attempt: number, waitMs: number) {
      noteChange('claimed', { attempt });
      trace.getActiveSpan()?.setAttribute(WAITED_MS, Math.max(0, waitMs));
      if (attempt === 1) queueWait.record(Math.max(0, waitMs) / 1000);
    },
    runEnded(outcome: ExecutionOutcome, attempt: number) {
      noteChange(outcome, { attempt });
      if (outcome === 'failed') {
        const run = trace.getActiveSpan();
        run?.setAttribute('error.type', 'session_failed').setStatus({ code: SpanStatusCode.ERROR });
      }
      executions.add(1, { outcome });
      if (outcome === 'completed') attempts.record(attempt);
      if (outcome === 'lease_lost') leasesLost.add(1);
    },
    recovered: (kind: 'queued' | 'abandoned') => recoveries.add(1, { kind }),
    queueFellBack() {
      noteChange('queue_fallback');
      fallbacks.add(1);
    },
    streamOpened(format: StreamFormat) {
      openStreams += 1;
      streams.add(1, { format });
    },
    streamClosed(format: StreamFormat) {
      openStreams -= 1;
      streams.add(-1, { format });
    },
    /** Streams of this process that are open at the moment. */
    openStreams: () => openStreams,

    /** @returns what ends the observation. */
    observeLoad(load: () => Promise<ExecutionLoad>, limits: LoadLimits): () => void {
      const depth = meter.createObservableGauge('meari.session.queue.depth', {
        description: 'Sessions in the database that are not finished, by status.',
      });
      const oldest = meter.createObservableGauge('meari.session.oldest.age', {
        description:
          'Since the acceptance of the oldest session that is not finished, by status; 0 without any.',
        unit: 's',
      });
      const available = meter.createObservableGauge('meari.database.available', {
        description:
          '1 while the database tells what is not finished, else 0: the other readings are old then.',
      });
      const limit = meter.createObservableGauge('meari.session.queue.limit', {
        description: 'Sessions that may wait, in all.',
      });
      const slots = meter.createObservableGauge('meari.session.slots', {
        description: 'Sessions that this process executes at once; 0 in one that only answers requests.',
      });
      const observe = async (result: BatchObservableResult) => {
        result.observe(limit, limits.queued);
        result.observe(slots, limits.slots);
        const current = await load().catch(() => undefined);
        result.observe(available, current ? 1 : 0);
        if (!current) return;
        const { queued, running, oldestQueuedSeconds, oldestProcessingSeconds } = current;
        result.observe(depth, queued, { status: 'queued' });
        result.observe(depth, running, { status: 'processing' });
        result.observe(oldest, oldestQueuedSeconds, { status: 'queued' });
        result.observe(oldest, oldestProcessingSeconds, { status: 'processing' });
      };
      const instruments = [depth, oldest, available, limit, slots];
      meter.addBatchObservableCallback(observe, instruments);
      return () => meter.removeBatchObservableCallback(observe, instruments);
    },
  };
}
