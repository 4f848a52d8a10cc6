import type { Response } from 'express';
import { CRISIS_SUPPORT } from '../domain/crisis.ts';
import type { FinishedSession } from '../domain/session.ts';
import type { FailureReason, SessionEvent, StepDelta } from '../domain/session-events.ts';
import { AppError } from '../errors.ts';
import type { Follower } from '../sessions/feed.ts';
import type { SessionMetrics, StreamFormat } from '../sessions/session-metrics.ts';
import type { AcceptedSession, SessionService } from '../sessions/session-service.ts';
import { errorBody, toAppError } from './error-handler.ts';
import { type StreamLine, sendEventStream } from './event-stream.ts';
import { STATUS_MESSAGES } from './messages.ts';
import { patienceFor } from './patience.ts';

const HEARTBEAT_MS = 15_000;
/** Seconds, when a session has ended without a result and may be tried anew. */
const FAILED_RETRY_SECONDS = 5;

export interface DeliveryDependencies {
  readonly service: Pick<SessionService, 'estimateSeconds'>;
  readonly metrics: Pick<SessionMetrics, 'streamOpened' | 'streamClosed'>;
  /** Aborted when the service stops. */
  readonly closing: AbortSignal;
  readonly now: () => Date;
}

export interface StreamOptions {
  readonly status: number;
  readonly format: StreamFormat;
  readonly session: Pick<AcceptedSession, 'id' | 'status' | 'startedAt' | 'crisis'>;
  readonly after: number;
  readonly isNew: boolean;
  /** The words as they are written, beside the events. */
  readonly deltas: boolean;
}

export type Delivery = ReturnType<typeof createDelivery>;

/** Three ways to hand over the result of one pipeline: wait for it, come back for it, or follow it. */
export function createDelivery({ service, metrics, closing, now }: DeliveryDependencies) {
  async function toLine(
    event: SessionEvent | StepDelta,
    session: StreamOptions['session'],
  ): Promise<StreamLine> {
    if (event.status === 'starting') {
      const estimated_seconds = await service.estimateSeconds(session);
      return { ...event, estimated_seconds, ...(session.crisis ? { crisis_support: CRISIS_SUPPORT } : {}) };
    }
    if (event.status !== 'failed') return { ...event };
    const { reason, ...line } = event;
    return { ...line, error: errorBody(failure(reason), now(), session.crisis) };
  }

  return {
    /**
     * The finished session, or undefined when it takes longer than `waitMs`, or the service stops.
     *
     * @throws {AppError} when the session failed.
     */
    async wait(
      res: Response,
      { follower, replayed }: AcceptedSession,
      waitMs: number,
    ): Promise<FinishedSession | undefined> {
      const { signal, end } = patienceFor(res, closing, waitMs);
      try {
        for await (const event of follower.events({ after: 0, isNew: !replayed, signal })) {
          if (event.status === 'completed') return event.data;
          if (event.status === 'failed') throw failure(event.reason);
        }
      } catch (error) {
        // The database may be away for a moment; the session was accepted all the same.
        if (!signal.aborted && !isUnavailable(error)) throw error;
      } finally {
        end();
        follower.close();
      }
      return undefined;
    },

    /** 202: the work goes on, and the client comes back. */
    async respondAccepted(res: Response, session: StreamOptions['session']): Promise<void> {
      const estimated_seconds = await service.estimateSeconds(session);
      res
        .status(202)
        .set('Retry-After', String(estimated_seconds))
        .json({
          session_id: session.id,
          status: 'processing',
          message: STATUS_MESSAGES.processing,
          estimated_seconds,
          ...(session.crisis ? { crisis_support: CRISIS_SUPPORT } : {}),
        });
    },

    /** The events of a session as they happen, until it ends. */
    async stream(res: Response, follower: Follower, options: StreamOptions): Promise<void> {
      const { status, format, session, after, isNew, deltas } = options;
      const { signal, end } = patienceFor(res, closing);
      metrics.streamOpened(format);
      try {
        await sendEventStream(res, {
          status,
          format,
          events: follower.events({ after, isNew, deltas, signal }),
          toLine: (event) => toLine(event, session),
          toLastLine(error) {
            if (signal.aborted && !closing.aborted) return undefined;
            // The session goes on: only this stream of it does not.
            if (closing.aborted || isUnavailable(error))
              return { status: 'reconnect', session_id: session.id };
            const body = errorBody(toAppError(error), now(), session.crisis);
            return { status: 'failed', session_id: session.id, error: body };
          },
          heartbeatMs: HEARTBEAT_MS,
        });
      } finally {
        end();
        follower.close();
        metrics.streamClosed(format);
      }
    },

    /** Asks `isNews` whenever something about the session has changed, until it says so or `waitMs` are over. */
    async waitForChange(
      res: Response,
      follower: Follower,
      waitMs: number,
      isNews: () => Promise<boolean>,
    ): Promise<void> {
      const { signal, end } = patienceFor(res, closing, waitMs);
      try {
        do await follower.changed(signal);
        while (!(await isNews()));
      } catch (error) {
        if (!signal.aborted) throw error;
      } finally {
        end();
      }
    },
  };
}

function isUnavailable(error: unknown): boolean {
  return toAppError(error).code === 'UNAVAILABLE' && !(error instanceof AppError && error.reason);
}

/** What a session's end without a result is as an error. */
function failure(reason: FailureReason): AppError {
  return reason === 'timeout'
    ? new AppError('UNAVAILABLE', { reason, retryAfterSeconds: FAILED_RETRY_SECONDS })
    : new AppError('INTERNAL', { reason });
}
