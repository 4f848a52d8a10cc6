import {
  type BusMessage,
  deltasOf,
  type SessionBus,
  type SessionRepository,
  type SessionSnapshot,
} from '../domain/ports.ts';
import {
  endsSession,
  type SessionEnd,
  type SessionEvent,
  type StepDelta,
  sessionEvents,
} from '../domain/session-events.ts';
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
   * The events after `after`, then those to come, until the session ends, with the deltas of parts that are being
   * written among them if they are asked for. Ends the subscription when it is left.
   *
   * @throws {AppError} NOT_FOUND when the session is no longer there; the signal's reason when it is aborted.
   */
  events(options: FollowOptions): AsyncGenerator<SessionEvent | StepDelta, void, void>;
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
  readonly deltas?: boolean;
  readonly signal: AbortSignal;
}

/** A follower, to the poll: what it has read, as `versions` tells it, and how it is sent to read again. */
interface Watcher {
  readonly wake: () => void;
  version: string | undefined;
}

/** Lets any number of readers follow sessions: subscribe first, read the rows, go on live, drop what is known. */
export function createFeed({ sessions, bus, log }: FeedDependencies) {
  const followed = new Map<string, Set<Watcher>>();
  let timer: NodeJS.Timeout | undefined;

  /** One statement for all sessions that are followed here, whatever their number. */
  async function poll(): Promise<void> {
    try {
      const versions = await sessions.versions([...followed.keys()]);
      for (const [sessionId, watchers] of followed) {
        const version = versions.get(sessionId) ?? 'gone';
        for (const watcher of watchers) {
          if (watcher.version !== version) watcher.wake();
          watcher.version = version;
        }
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

  function watch(sessionId: string, watcher: Watcher): () => void {
    const watchers = followed.get(sessionId) ?? new Set();
    const isFirst = followed.size === 0;
    followed.set(sessionId, watchers.add(watcher));
    if (isFirst) schedule();
    return () => {
      watchers.delete(watcher);
      if (watchers.size === 0) followed.delete(sessionId);
      if (followed.size === 0) clearTimeout(timer);
    };
  }

  async function readEvents(userId: string, sessionId: string, watcher: Watcher): Promise<SessionEvent[]> {
    const snapshot = await sessions.find(userId, sessionId);
    if (!snapshot) throw new AppError('NOT_FOUND');
    const steps = await sessions.steps(sessionId);
    watcher.version = `${snapshot.status}${steps.length}`;
    return sessionEvents(sessionId, steps, endOf(snapshot));
  }

  return {
    async follow(userId: string, sessionId: string): Promise<Follower> {
      const inbox = createInbox();
      let wantsDeltas = false;
      const wantDeltas = () => bus.publish(sessionId, { kind: 'deltas_wanted' });
      const unsubscribe = await bus.subscribe(sessionId, (message) => {
        if (message.kind === 'deltas_wanted') return;
        // The one who writes may have begun after the last time that it was said.
        if (wantsDeltas && message.kind !== 'delta') wantDeltas();
        inbox.put(message);
      });
      const watcher: Watcher = { wake: () => inbox.put({ kind: 'changed' }), version: undefined };
      const unwatch = watch(sessionId, watcher);
      let unsubscribeDeltas: Promise<() => void> | undefined;
      let isClosed = false;
      const close = () => {
        if (isClosed) return;
        isClosed = true;
        wantsDeltas = false;
        unsubscribe();
        unwatch();
        void unsubscribeDeltas?.then((end) => end());
      };

      async function* events({ after, isNew = false, deltas = false, signal }: FollowOptions) {
        let last = after;
        const told = new Set<string>();
        if (deltas && !isClosed) {
          unsubscribeDeltas = bus.subscribe(deltasOf(sessionId), inbox.put);
          wantsDeltas = true;
          wantDeltas();
        }
        try {
          if (isNew) watcher.version = 'queued0';
          let known = isNew
            ? sessionEvents(sessionId, [], undefined)
            : await readEvents(userId, sessionId, watcher);
          for (;;) {
            for (const event of known) {
              told.add(event.status);
              if (event.seq > last) {
                last = event.seq;
                yield event;
              }
              if (endsSession(event)) return;
            }
            const message = await inbox.take(signal);
            known = [];
            if (message.kind === 'progress') continue;
            if (message.kind === 'delta') {
              // One that was overtaken by the part itself says nothing new.
              if (!told.has(`${message.delta.step}_created`)) yield message.delta;
              continue;
            }
            if (message.kind === 'deleted') throw new AppError('NOT_FOUND');
            const isNext = message.kind === 'event' && message.event.seq <= last + 1;
            known = isNext ? [message.event] : await readEvents(userId, sessionId, watcher);
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
      if (message.kind === 'delta' && replaceDelta(pending, message.delta)) return;
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

/** A delta has all of the part so far: it takes the place of one that nobody has read yet. */
function replaceDelta(pending: BusMessage[], delta: StepDelta): boolean {
  const stale = pending.findIndex((other) => other.kind === 'delta' && other.delta.step === delta.step);
  if (stale >= 0) pending[stale] = { kind: 'delta', delta };
  return stale >= 0;
}
