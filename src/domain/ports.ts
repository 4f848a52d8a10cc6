import type { Sources, SyncedPolicy, UserHistory, Voice } from './corpus.ts';
import type { Empathy, FinishedSession, Persona, Reflection, SessionStatus, Written } from './session.ts';
import type { FailureReason, SessionEvent, StepDelta, StepOutput } from './session-events.ts';
import type { Topic } from './session-request.ts';

/** The interfaces between the layers. Adapters implement them; `container.ts` picks the adapters. */

/** A writer that composes other writers is a writer. */
export interface Writer {
  persona(brief: PersonaBrief, signal: AbortSignal, reader?: DeltaReader<Persona>): Promise<Written<Persona>>;
  empathy(brief: CardsBrief, signal: AbortSignal, reader?: DeltaReader<Empathy>): Promise<Written<Empathy>>;
  reflection(
    brief: CardsBrief,
    signal: AbortSignal,
    reader?: DeltaReader<Reflection>,
  ): Promise<Written<Reflection>>;
}

/** Somebody who may read a part while it is written. Whoever has it whole at once tells nothing. */
export interface DeltaReader<Part> {
  /** Whether there is anybody now: who writes spares itself the trouble otherwise. */
  isWanted(): boolean;
  /** Told the part as far as it is written, from its beginning each time. Must not throw. */
  tell(soFar: DeepPartial<Part>): void;
}

export type DeepPartial<T> = T extends readonly (infer Item)[]
  ? readonly DeepPartial<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]?: DeepPartial<T[Key]> }
    : T;

export interface PersonaBrief {
  readonly topic: Topic;
  readonly history: UserHistory;
  /** When the run of the session began, by `performance.now()` of this process: its time for words counts from then. */
  readonly startedAt: number;
  /** Which of several equally good texts for users who wrote nothing; the same for all parts of a session. */
  readonly variant: number;
}

export interface CardsBrief extends PersonaBrief {
  readonly sources: Sources;
}

export interface SourceProvider {
  forTag(tagId: number): Promise<Sources>;
}

/**
 * Where quotes come from. The seeded voices are the default; one that reads the news gives voices with their
 * `article`, which the cards name. What takes long or may fail (reading the papers) has been done before it is asked.
 */
export interface NewsSource {
  /** Three at least, in the same order each time. */
  voicesForTag(tagId: number): Promise<readonly Voice[]>;
}

/** The right to synchronise the policies, held by one process of all; a later claim makes it void. */
export interface SyncClaim {
  readonly fence: number;
  /** Syncs in a row that came to nothing before this one. */
  readonly failures: number;
}

export interface SyncedPolicyRepository {
  /** The claim, when a sync is due; else the milliseconds until one may be. */
  claim(leaseMs: number): Promise<SyncClaim | { readonly dueInMs: number }>;
  /**
   * Adds what is new and changes what is other, in one transaction; `removesOthers`: what is not among `policies` goes.
   * Undefined, with nothing written, when the claim is void.
   */
  store(
    claim: SyncClaim,
    policies: readonly SyncedPolicy[],
    options: { readonly removesOthers: boolean; readonly nextInMs: number },
  ): Promise<{ readonly removed: number } | undefined>;
  /** Gives the claim back without a result: what is stored stays. */
  postpone(claim: SyncClaim, options: { readonly failed: boolean; readonly nextInMs: number }): Promise<void>;
  state(): Promise<SyncState>;
}

export interface SyncState {
  /** Policies that can still be applied for. */
  readonly policies: number;
  /** Seconds since the last sync that brought policies; undefined when there was none. */
  readonly successAgeSeconds: number | undefined;
}

export interface User {
  readonly id: string;
  readonly nickname: string;
  readonly onboardingCompleted: boolean;
}

export interface Login {
  readonly userId: string;
  readonly expiresAt: Date;
}

export interface Tag {
  readonly id: number;
  readonly name: string;
  readonly parentId: number | null;
}

export interface TagRepository {
  all(): Promise<readonly Tag[]>;
}

export interface UserRepository {
  createGuest(guest: { id: string; nickname: string; tokenHash: Buffer; expiresAt: Date }): Promise<User>;
  find(userId: string): Promise<User | undefined>;
  /** Undefined when there is none, or it has expired. */
  findLogin(tokenHash: Buffer, now: Date): Promise<Login | undefined>;
  extendLogin(tokenHash: Buffer, expiresAt: Date): Promise<void>;
  deleteLogin(tokenHash: Buffer): Promise<void>;
}

export interface NewSession {
  readonly id: string;
  readonly userId: string;
  readonly topic: Topic;
  readonly crisis: boolean;
  readonly idempotency: { readonly key: string; readonly requestDigest: string } | undefined;
  /** W3C `traceparent` of the request, so that a run that takes over stays in its trace. */
  readonly traceparent: string | undefined;
  readonly now: Date;
}

/** Unfinished sessions at most, by user and waiting in all. */
export interface AcceptLimits {
  readonly unfinishedPerUser: number;
  readonly queued: number;
}

export type Acceptance = 'accepted' | 'same_key' | 'user_busy' | 'queue_full';

/** A step that has finished. */
export interface StepRecord {
  readonly name: string;
  readonly durationMs: number;
}

/** A session without what was written for it. */
export interface SessionHead {
  readonly id: string;
  readonly status: SessionStatus;
  readonly crisis: boolean;
  readonly requestDigest: string | null;
  readonly startedAt: Date | null;
}

/** One session as its owner sees it at this moment. */
export interface SessionSnapshot extends SessionHead {
  readonly failureReason: FailureReason | null;
  readonly finished: FinishedSession | undefined;
}

export interface SessionRepository {
  accept(session: NewSession, limits: AcceptLimits): Promise<Acceptance>;
  find(userId: string, sessionId: string): Promise<SessionSnapshot | undefined>;
  findByIdempotencyKey(userId: string, key: string): Promise<SessionHead | undefined>;
  /** Finished steps, in the order in which they finished. */
  steps(sessionId: string): Promise<readonly (StepRecord & StepOutput)[]>;
  /** A text for each session that changes whenever there is something new to read about it. */
  versions(sessionIds: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Sessions that wait and were accepted before this one. */
  queuedBefore(sessionId: string): Promise<number>;
  /** Finished sessions, newest first, older than `before`. */
  list(userId: string, limit: number, before: string | undefined): Promise<readonly FinishedSession[]>;
  history(userId: string): Promise<UserHistory>;
  /** False when there is no such session of this user. */
  delete(userId: string, sessionId: string): Promise<boolean>;
}

/** The right to execute a session. Every write of the run carries `fence`; a newer lease makes it void. */
export interface Lease {
  readonly sessionId: string;
  readonly fence: number;
}

export interface Claim {
  readonly lease: Lease;
  readonly userId: string;
  readonly topic: Topic;
  /** 1 for the first run. */
  readonly attempt: number;
  readonly acceptedAt: Date;
  readonly traceparent: string | undefined;
  /** What earlier runs have finished, in order. */
  readonly finished: readonly StepOutput[];
}

export interface SessionResult {
  readonly empathy: Empathy;
  readonly reflection: Reflection;
  readonly persona: Persona;
  readonly degraded: boolean;
  readonly completedAt: Date;
}

/** Each write returns false when the lease is no longer held; nothing is written then. */
export interface ExecutionRepository {
  /** Undefined when the session is finished, gone, or leased by another executor. */
  claim(sessionId: string, owner: string, leaseMs: number): Promise<Claim | undefined>;
  renew(lease: Lease, leaseMs: number): Promise<boolean>;
  checkpoint(lease: Lease, step: StepRecord, output: unknown): Promise<boolean>;
  /** Cards, persona and status in one transaction. */
  complete(lease: Lease, result: SessionResult): Promise<boolean>;
  fail(lease: Lease, reason: FailureReason): Promise<boolean>;
  /** Back to `queued`; as if this run had not been, unless it counts as an attempt. */
  release(lease: Lease, options: { countsAsAttempt: boolean }): Promise<boolean>;
  /**
   * Sessions to hand out again: those that wait, or have a lease that has lapsed, and were last handed out more than
   * `offeredSeconds` ago.
   */
  takeForgotten(limit: number, offeredSeconds: number): Promise<readonly ForgottenSession[]>;
  /** Fails the sessions whose runs have come to nothing too often, and returns them. */
  failExhausted(maxAttempts: number): Promise<readonly string[]>;
  load(): Promise<ExecutionLoad>;
}

export interface ForgottenSession {
  readonly id: string;
  /** Of its last lease; 0 when it was never leased. */
  readonly fence: number;
  readonly traceparent: string | undefined;
  /** Accepted and not executed, or executed by somebody who is gone. */
  readonly kind: 'queued' | 'abandoned';
}

export interface ExecutionLoad {
  readonly queued: number;
  readonly running: number;
  /** Seconds since the acceptance of the one that waits longest; 0 when none waits. */
  readonly oldestQueuedSeconds: number;
  /** The same of those that an executor has, or had when it was lost. */
  readonly oldestProcessingSeconds: number;
  /** Milliseconds that recent sessions took from start to end; undefined when there were none. */
  readonly typicalMs: number | undefined;
}

/** Hands accepted sessions to an executor: each to one, or, after a fault, to more, which the lease makes safe. */
export interface SessionQueue {
  /**
   * @param fence of the session's last lease, 0 for a new one: the same session and fence wait once. One that was
   *   leased before goes to the front: its user has waited already.
   * @throws when the queue cannot take it in time.
   */
  enqueue(sessionId: string, fence: number): Promise<void>;
  /** Starts to hand out, at most `concurrency` at once. Called once. */
  consume(execute: (sessionId: string) => Promise<void>, concurrency: number): void;
  /** Hands out no more, and waits for those that run. */
  close(): Promise<void>;
}

export type BusMessage =
  | { readonly kind: 'event'; readonly event: SessionEvent }
  /** A step without an event has started or ended. */
  | { readonly kind: 'progress' }
  /** Told to the followers of `deltasOf` alone. */
  | { readonly kind: 'delta'; readonly delta: StepDelta }
  /** To whoever writes the session, by those who follow its deltas: without one there are none. */
  | { readonly kind: 'deltas_wanted' }
  /** Something is new that the message does not carry: read the rows. */
  | { readonly kind: 'changed' }
  | { readonly kind: 'deleted' };

/** The name under which a session's deltas are told: who does not want them is not sent them. */
export function deltasOf(sessionId: string): string {
  return `${sessionId}:deltas`;
}

/** Tells followers in every process what happens. Best effort: whoever needs certainty reads the rows. */
export interface SessionBus {
  publish(sessionId: string, message: BusMessage): void;
  /** Resolves once messages arrive, or when that cannot be had in time. The result ends the subscription. */
  subscribe(sessionId: string, listener: (message: BusMessage) => void): Promise<() => void>;
  /** False while messages of other processes may be missing. */
  isHealthy(): boolean;
  close(): Promise<void>;
}
