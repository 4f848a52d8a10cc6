import type { BusMessage, SessionBus, SessionRepository, SessionSnapshot } from '../domain/ports.ts';
import { endsSession, type SessionEnd, type SessionEvent, sessionEvents } from '../domain/session-events.ts';
import { AppError } from '../errors.ts';
import { describeError, type Logger } from '../log.ts';

/** Milliseconds between looks at the rows of all that is followed here: messages may get lost. */
const POLL_MS = 5_000;
/** The same while the bus is known to be deaf. */
const POLL_WHILE_DEAF_MS = 1_000;
/** Messages that wait for one follower. A slow reader is sent back to the rows instead of piling up memory. */
const MAX_PENDING = 32;

export interface FeedDependencies {
  readonly sessions: Pick<SessionRepository, 'find' | 'steps' | 'versions'>;
  readonly bus: SessionBus;
  readonly log: Logger;
}

export type Feed = ReturnType<typeof createFeed>;

/** A subscription to one session: from the moment it is there, nothing is missed. */
export interface Follower {
  /**
   * The events after `after`, then those to come, until the session ends. Ends the subscription when it is left.
   *
   * @throws {AppError} NOT_FOUND when the session is no longer there; the signal's reason when it is aborted.
   */
  events(options: FollowOptions): AsyncGenerator<SessionEvent, void, void>;
  /** Resolves when anything about the session has changed since it was followed or last asked. */
  changed(signal: AbortSignal): Promise<void>;
  /** Safe to call twice. */
  close(): void;
}

export interface FollowOptions {
  /** `seq` of the last event the reader has; 0 for none. */
  readonly after: number;
  /** The session was accepted a moment ago and nothing can have happened: its rows need not be read. */
  readonly isNew?: boolean;
  readonly signal: AbortSignal;
}

/** Lets any number of readers follow sessions: subscribe first, read the rows, go on live, drop what is known. */
export function createFeed({ sessions, bus, log }: FeedDependencies) {
  const followed = new Map<string, { wakers: Set<() => void>; version: string | undefined }>();
  let timer: NodeJS.Timeout | undefined;

  /** One statement for all sessions that are followed here, whatever their number. */
  async function poll(): Promise<void> {
    try {
      const versions = await sessions.versions([...followed.keys()]);
      for (const [sessionId, entry] of followed) {
        const version = versions.get(sessionId) ?? 'gone';
        if (entry.version !== version) for (const wake of entry.wakers) wake();
        entry.version = version;
      }
    } catch (error) {
      log.warn({ err: describeError(error) }, 'followed sessions cannot be read');
    }
    schedule();
  }

  function schedule(): void {
    clearTimeout(timer);
    if (followed.size === 0) return;
    timer = setTimeout(poll, bus.isHealthy() ? POLL_MS : POLL_WHILE_DEAF_MS).unref();
  }

  function watch(sessionId: string, wake: () => void): () => void {
    const entry = followed.get(sessionId) ?? { wakers: new Set(), version: undefined };
    entry.wakers.add(wake);
    followed.set(sessionId, entry);
    if (followed.size === 1) schedule();
    return () => {
      entry.wakers.delete(wake);
      if (entry.wakers.size === 0) followed.delete(sessionId);
      if (followed.size === 0) clearTimeout(timer);
    };
  }

  async function readEvents(userId: string, sessionId: string): Promise<SessionEvent[]> {
    const snapshot = await sessions.find(userId, sessionId);
    if (!snapshot) throw new AppError('NOT_FOUND');
    return sessionEvents(sessionId, await sessions.steps(sessionId), endOf(snapshot));
  }

  return {
    async follow(userId: string, sessionId: string): Promise<Follower> {
      const inbox = createInbox();
      const unsubscribe = await bus.subscribe(sessionId, inbox.put);
      const unwatch = watch(sessionId, () => inbox.put({ kind: 'changed' }));
      let isClosed = false;
      const close = () => {
        if (isClosed) return;
        isClosed = true;
        unsubscribe();
        unwatch();
      };

      async function* events({ after, isNew = false, signal }: FollowOptions) {
        let last = after;
        try {
          let known = isNew ? sessionEvents(sessionId, [], undefined) : await readEvents(userId, sessionId);
          for (;;) {
            for (const event of known) {
              if (event.seq > last) {
                last = event.seq;
                yield event;
              }
              if (endsSession(event)) return;
            }
            const message = await inbox.take(signal);
            if (message.kind === 'progress') {
              known = [];
              continue;
            }
            if (message.kind === 'deleted') throw new AppError('NOT_FOUND');
            const isNext = message.kind === 'event' && message.event.seq <= last + 1;
            known = isNext ? [message.event] : await readEvents(userId, sessionId);
          }
        } finally {
          close();
        }
      }
      const changed = async (signal: AbortSignal) => {
        await inbox.take(signal);
      };
      return { events, changed, close };
    },
  };
}

function endOf({ status, finished, failureReason }: SessionSnapshot): SessionEnd | undefined {
  if (finished) return { status: 'completed', session: finished };
  return status === 'failed' ? { status: 'failed', reason: failureReason ?? 'step_failed' } : undefined;
}

/** Messages for one follower, bounded. */
function createInbox() {
  let pending: BusMessage[] = [];
  let wake: (() => void) | undefined;
  return {
    put(message: BusMessage): void {
      if (pending.length >= MAX_PENDING) pending = [{ kind: 'changed' }];
      pending.push(message);
      wake?.();
    },
    async take(signal: AbortSignal): Promise<BusMessage> {
      signal.throwIfAborted();
      if (pending.length === 0) {
        const { promise, resolve, reject } = Promise.withResolvers<void>();
        const onAbort = () => reject(signal.reason);
        wake = resolve;
        signal.addEventListener('abort', onAbort, { once: true });
        await promise.finally(() => signal.removeEventListener('abort', onAbort));
      }
      return pending.shift() as BusMessage;
    },
  };
}
