import type {
  ExecutionLoad,
  ExecutionRepository,
  SessionRepository,
  SessionSnapshot,
} from '../domain/ports.ts';

/** Milliseconds that a session takes when there is none to measure: what the service used to tell its users. */
const FIRST_GUESS_MS = 7_000;
/** Milliseconds for which one reading of the load serves everybody who asks. */
const LOAD_IS_FRESH_MS = 100;

const NOTHING_KNOWN: ExecutionLoad = {
  queued: 0,
  running: 0,
  oldestQueuedSeconds: 0,
  oldestProcessingSeconds: 0,
  typicalMs: undefined,
};

export interface EstimatorDependencies {
  readonly executions: Pick<ExecutionRepository, 'load'>;
  readonly sessions: Pick<SessionRepository, 'queuedBefore'>;
  readonly now: () => Date;
}

export interface Estimate {
  /** Seconds until the session is finished; 0 once it has ended. */
  readonly seconds: number;
  /** Sessions that are before it in the queue; 0 when it is next, null when it does not wait. */
  readonly queuePosition: number | null;
}

export type Estimator = ReturnType<typeof createEstimator>;

/** How long a session still takes, from recent sessions and its place in the queue. */
export function createEstimator({ executions, sessions, now }: EstimatorDependencies) {
  let cached: { load: Promise<ExecutionLoad>; readAt: number } | undefined;

  function load(): Promise<ExecutionLoad> {
    const time = performance.now();
    if (!cached || time - cached.readAt > LOAD_IS_FRESH_MS) {
      const reading = executions.load();
      // A failed reading serves nobody after those who waited for it.
      reading.catch(() => {
        cached = undefined;
      });
      cached = { load: reading, readAt: time };
    }
    return cached.load;
  }

  return {
    load,

    /** Never rejects: without the database it is a guess. */
    async estimate({
      id,
      status,
      startedAt,
    }: Pick<SessionSnapshot, 'id' | 'status' | 'startedAt'>): Promise<Estimate> {
      if (status === 'completed' || status === 'failed') return { seconds: 0, queuePosition: null };
      if (status === 'processing') {
        const { typicalMs = FIRST_GUESS_MS } = await load().catch(() => NOTHING_KNOWN);
        const elapsed = startedAt ? now().getTime() - startedAt.getTime() : 0;
        return { seconds: seconds(typicalMs - elapsed), queuePosition: null };
      }
      const [queuePosition, { queued, running, typicalMs = FIRST_GUESS_MS }] = await Promise.all([
        sessions.queuedBefore(id).catch(() => 0),
        load().catch(() => NOTHING_KNOWN),
      ]);
      // Nothing waited when the load was read: an executor is free, and takes it at once.
      const isFree = queued === 0 && queuePosition === 0;
      // While sessions wait, every executor is busy: as many leave the queue at a time as are running now. Those
      // that run are half done on average.
      const rounds = isFree ? 0 : Math.max(0, (queuePosition + 1) / Math.max(1, running) - 0.5);
      return { seconds: seconds((rounds + 1) * typicalMs), queuePosition };
    },
  };
}

/** At least one: "0" says that it is done. */
function seconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000));
}
