import { createHash } from 'node:crypto';
import { context, propagation } from '@opentelemetry/api';
import { v7 as uuidv7 } from 'uuid';
import { isCrisis } from '../domain/crisis.ts';
import type {
  AcceptLimits,
  SessionBus,
  SessionQueue,
  SessionRepository,
  SessionSnapshot,
} from '../domain/ports.ts';
import type { Topic } from '../domain/session-request.ts';
import { AppError } from '../errors.ts';
import type { CreateSessionGraph } from '../pipeline/create-session.ts';
import type { Estimate, Estimator } from './estimator.ts';
import type { Feed, Follower } from './feed.ts';

/** Seconds after which a user with too many unfinished sessions, or a full queue, may be asked again. */
const BUSY_RETRY_SECONDS = 5;

export interface SessionServiceDependencies {
  readonly sessions: SessionRepository;
  readonly graph: CreateSessionGraph;
  readonly queue: SessionQueue;
  readonly bus: SessionBus;
  readonly feed: Feed;
  readonly estimator: Estimator;
  readonly limits: AcceptLimits;
  readonly now: () => Date;
}

export interface CreateSessionCommand {
  readonly userId: string;
  readonly topic: Topic;
  readonly idempotencyKey: string | undefined;
}

export interface AcceptedSession extends Pick<SessionSnapshot, 'id' | 'status' | 'startedAt' | 'crisis'> {
  /** The answer to an earlier request with the same idempotency key. */
  readonly replayed: boolean;
  /** Follows the session from before its first event. Its reader must read it or close it. */
  readonly follower: Follower;
}

export interface StepProgress {
  readonly name: string;
  readonly status: 'pending' | 'running' | 'completed';
  readonly durationMs: number | null;
}

export interface SessionProgress {
  readonly snapshot: SessionSnapshot;
  readonly steps: readonly StepProgress[];
  readonly estimate: Estimate;
}

export type SessionService = ReturnType<typeof createSessionService>;

export function createSessionService(dependencies: SessionServiceDependencies) {
  const { sessions, graph, queue, bus, feed, estimator, limits, now } = dependencies;

  async function replay(userId: string, key: string, requestDigest: string): Promise<AcceptedSession> {
    const earlier = await sessions.findByIdempotencyKey(userId, key);
    // Deleted by its owner since the refusal.
    if (!earlier)
      throw new AppError('CONFLICT', { detail: 'Idempotency-Key: its session was deleted just now' });
    if (earlier.requestDigest !== requestDigest) {
      throw new AppError('IDEMPOTENCY_KEY_REUSED', { detail: 'Idempotency-Key' });
    }
    const follower = await feed.follow(userId, earlier.id);
    const { id, status, startedAt, crisis } = earlier;
    return { id, status, startedAt, crisis, replayed: true, follower };
  }

  return {
    /**
     * Accepts a session: from here on it will not be lost.
     *
     * @throws {AppError} RATE_LIMITED or UNAVAILABLE when too much waits; IDEMPOTENCY_KEY_REUSED.
     */
    async create({ userId, topic, idempotencyKey }: CreateSessionCommand): Promise<AcceptedSession> {
      // Before anything else, so that no later fault can lose it.
      const crisis = isCrisis(topic);
      const id = uuidv7();
      const requestDigest = digestOf(topic);
      const idempotency = idempotencyKey === undefined ? undefined : { key: idempotencyKey, requestDigest };
      const traceparent = currentTraceparent();
      const acceptance = await sessions.accept(
        { id, userId, topic, crisis, idempotency, traceparent, now: now() },
        limits,
      );
      if (acceptance === 'same_key' && idempotencyKey !== undefined) {
        return replay(userId, idempotencyKey, requestDigest);
      }
      if (acceptance === 'user_busy') {
        throw new AppError('RATE_LIMITED', {
          detail: `at most ${limits.unfinishedPerUser} unfinished sessions`,
          retryAfterSeconds: BUSY_RETRY_SECONDS,
        });
      }
      if (acceptance !== 'accepted') {
        throw new AppError('UNAVAILABLE', {
          detail: 'the queue is full',
          retryAfterSeconds: BUSY_RETRY_SECONDS,
        });
      }
      const follower = await feed.follow(userId, id);
      try {
        await queue.enqueue(id, 0);
      } catch (error) {
        follower.close();
        throw error;
      }
      return { id, status: 'queued', startedAt: null, crisis, replayed: false, follower };
    },

    /** @throws {AppError} NOT_FOUND, also for another user's session. */
    async find(userId: string, sessionId: string): Promise<SessionSnapshot> {
      const snapshot = await sessions.find(userId, sessionId);
      if (!snapshot) throw new AppError('NOT_FOUND');
      return snapshot;
    },

    async describe(snapshot: SessionSnapshot): Promise<SessionProgress> {
      const [records, estimate] = await Promise.all([
        sessions.steps(snapshot.id),
        estimator.estimate(snapshot),
      ]);
      const durations = new Map(records.map(({ name, durationMs }) => [name, durationMs]));
      const runnable = graph.runnable(new Set(durations.keys()));
      const statusOf = (name: string): StepProgress['status'] => {
        if (durations.has(name) || snapshot.status === 'completed') return 'completed';
        return snapshot.status === 'processing' && runnable.has(name) ? 'running' : 'pending';
      };
      const steps = graph.stepNames.map((name) => ({
        name,
        status: statusOf(name),
        durationMs: durations.get(name) ?? null,
      }));
      return { snapshot, steps, estimate };
    },

    follow: feed.follow,
    steps: sessions.steps,

    /** Seconds that the session still takes. */
    async estimateSeconds(session: Pick<SessionSnapshot, 'id' | 'status' | 'startedAt'>): Promise<number> {
      return (await estimator.estimate(session)).seconds;
    },

    list: sessions.list,

    /**
     * Deletes the session and all that it made; what executes it is aborted.
     *
     * @throws {AppError} NOT_FOUND, also for another user's session.
     */
    async delete(userId: string, sessionId: string): Promise<void> {
      if (!(await sessions.delete(userId, sessionId))) throw new AppError('NOT_FOUND');
      bus.publish(sessionId, { kind: 'deleted' });
    },
  };
}

function currentTraceparent(): string | undefined {
  const carrier: Record<string, string> = {};
  propagation.inject(context.active(), carrier);
  return carrier.traceparent;
}

/** Tells whether two requests are the same, without keeping what was written a second time. */
function digestOf(topic: Topic): string {
  return createHash('sha256')
    .update(JSON.stringify([topic.tagId, topic.userContext]))
    .digest('hex');
}
