import { context, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import {
  type Claim,
  deltasOf,
  type ExecutionRepository,
  type Lease,
  type SessionBus,
  type SessionRepository,
} from '../domain/ports.ts';
import {
  type FailureReason,
  type SessionEnd,
  type StepDelta,
  sessionEvents,
} from '../domain/session-events.ts';
import { variantOf } from '../domain/session-request.ts';
import { LeaseLostError } from '../errors.ts';
import { describeError, type Logger } from '../log.ts';
import type { CreateSessionGraph } from '../pipeline/create-session.ts';
import type { StepRecorder } from '../profiling/step.ts';
import { isDatabaseUnavailable } from '../store/database-errors.ts';
import type { ExecutionOutcome, SessionMetrics } from './session-metrics.ts';

/** Milliseconds: a run that is not heard of for this long may be taken over. */
export const LEASE_MS = 15_000;
const RENEW_EVERY_MS = 5_000;

export interface ExecutorDependencies {
  readonly executions: ExecutionRepository;
  readonly sessions: Pick<SessionRepository, 'find'>;
  readonly bus: SessionBus;
  readonly graph: CreateSessionGraph;
  readonly recordStep: StepRecorder;
  readonly metrics: SessionMetrics;
  readonly log: Logger;
  /** Names this process in the lease. */
  readonly owner: string;
  /** Milliseconds that one run may take. */
  readonly timeoutMs: number;
  readonly now: () => Date;
}

export type Executor = ReturnType<typeof createExecutor>;

/** Runs sessions under a lease: whatever dies, each is finished once. */
export function createExecutor(dependencies: ExecutorDependencies) {
  const { executions, sessions, bus, graph, recordStep, metrics, log, owner, timeoutMs, now } = dependencies;
  const shutdown = new AbortController();

  /** Executes a session unless it is finished, gone, or in other hands. Never rejects. */
  async function execute(sessionId: string): Promise<void> {
    if (shutdown.signal.aborted) return;
    try {
      const claim = await executions.claim(sessionId, owner, LEASE_MS);
      if (!claim) return;
      metrics.runStarted(claim.attempt, now().getTime() - claim.acceptedAt.getTime());
      const outcome = await inTraceOf(claim, () => run(claim));
      metrics.runEnded(outcome, claim.attempt);
      log.info({ session_id: sessionId, attempt: claim.attempt, outcome }, 'run ended');
    } catch (error) {
      // The database is away: the lease lapses, and the recovery hands the session out again.
      log.warn({ session_id: sessionId, err: describeError(error) }, 'run not possible');
    }
  }

  async function run(claim: Claim): Promise<ExecutionOutcome> {
    const { lease, userId, topic } = claim;
    const held = holdLease(lease);
    const steps = [...claim.finished];
    let told = sessionEvents(lease.sessionId, steps, undefined).length;
    const tell = (end?: SessionEnd) => {
      const events = sessionEvents(lease.sessionId, steps, end);
      const news = events.slice(told);
      for (const event of news) bus.publish(lease.sessionId, { kind: 'event', event });
      if (news.length === 0) bus.publish(lease.sessionId, { kind: 'progress' });
      told = events.length;
    };

    try {
      await graph.run(
        { lease, userId, topic, variant: variantOf(lease.sessionId), startedAt: performance.now() },
        {
          finished: new Map(
            steps.filter(({ output }) => output !== null).map((step) => [step.name, step.output]),
          ),
          signal: AbortSignal.any([held.lost, shutdown.signal, AbortSignal.timeout(timeoutMs)]),
          record: recordStep,
          attributes: { 'meari.session.id': lease.sessionId },
          onStepCompleted: async (step, output) => {
            if (!(await executions.checkpoint(lease, step, output))) throw new LeaseLostError();
            steps.push({ name: step.name, output });
            tell();
          },
          readerOf: (step) => ({
            isWanted: held.deltasAreWanted,
            tell: (data) => tellDelta({ status: 'delta', step, session_id: lease.sessionId, data }),
          }),
        },
      );
      // It is finished whether or not it can be read now: then its followers read it themselves.
      const saved = await sessions.find(userId, lease.sessionId).catch(() => undefined);
      if (saved?.finished) tell({ status: 'completed', session: saved.finished });
      else bus.publish(lease.sessionId, { kind: 'changed' });
      return 'completed';
    } catch (error) {
      return await end(lease, error, held.lost.aborted, tell);
    } finally {
      await held.letGo();
    }
  }

  /** Ten a second for each step: a span for each of them would bury the trace. */
  function tellDelta(delta: StepDelta): void {
    context.with(ROOT_CONTEXT, () => bus.publish(deltasOf(delta.session_id), { kind: 'delta', delta }));
  }

  async function end(
    lease: Lease,
    error: unknown,
    isLeaseLost: boolean,
    tell: (end: SessionEnd) => void,
  ): Promise<ExecutionOutcome> {
    if (isLeaseLost || error instanceof LeaseLostError) return 'lease_lost';
    if (shutdown.signal.aborted || isDatabaseUnavailable(error)) {
      await executions.release(lease, { countsAsAttempt: !shutdown.signal.aborted });
      return 'released';
    }
    const reason: FailureReason = (error as Error).name === 'TimeoutError' ? 'timeout' : 'step_failed';
    log.error({ session_id: lease.sessionId, reason, err: describeError(error) }, 'session failed');
    if (!(await executions.fail(lease, reason))) return 'lease_lost';
    tell({ status: 'failed', reason });
    return 'failed';
  }

  /** Renews the lease until let go; `lost` is aborted when it is gone, cannot be kept, or the session is deleted. */
  function holdLease(lease: Lease) {
    const lost = new AbortController();
    let deltasAreWanted = false;
    let expiresAt = performance.now() + LEASE_MS;
    const timer = setInterval(async () => {
      const renewedAt = performance.now();
      const renewed = await executions.renew(lease, LEASE_MS).catch(() => undefined);
      if (renewed) expiresAt = renewedAt + LEASE_MS;
      if (renewed === false || performance.now() >= expiresAt) lost.abort(new LeaseLostError());
    }, RENEW_EVERY_MS);
    const subscribing = bus.subscribe(lease.sessionId, ({ kind }) => {
      if (kind === 'deleted') lost.abort(new LeaseLostError());
      if (kind === 'deltas_wanted') deltasAreWanted = true;
    });
    // Heard by now, whoever wants deltas says so in answer.
    void subscribing.then(() => bus.publish(lease.sessionId, { kind: 'progress' }));
    return {
      lost: lost.signal,
      deltasAreWanted: () => deltasAreWanted,
      async letGo(): Promise<void> {
        clearInterval(timer);
        (await subscribing)();
      },
    };
  }

  return {
    execute,
    /** Aborts what runs and gives the leases back, so that another executor can go on at once. */
    stop: () => shutdown.abort(),
  };
}

/** A run that was not started by the request itself (a recovery) still belongs to its trace. */
function inTraceOf<T>({ traceparent }: Claim, work: () => Promise<T>): Promise<T> {
  if (trace.getActiveSpan() || traceparent === undefined) return work();
  return context.with(propagation.extract(context.active(), { traceparent }), work);
}
