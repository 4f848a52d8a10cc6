import type { Sources, UserHistory } from './corpus.ts';
import type { Empathy, FinishedSession, Persona, Reflection, SessionStatus } from './session.ts';
import type { Topic } from './session-request.ts';

/** The interfaces between the layers. Adapters implement them; `container.ts` picks the adapters. */

export interface Writer {
  persona(brief: PersonaBrief, signal: AbortSignal): Promise<Persona>;
  empathy(brief: CardsBrief, signal: AbortSignal): Promise<Empathy>;
  reflection(brief: CardsBrief, signal: AbortSignal): Promise<Reflection>;
}

export interface PersonaBrief {
  readonly topic: Topic;
  readonly history: UserHistory;
}

export interface CardsBrief extends PersonaBrief {
  readonly sources: Sources;
}

export interface SourceProvider {
  forTag(tagId: number): Promise<Sources>;
}

export interface User {
  readonly id: string;
  readonly nickname: string;
  readonly onboardingCompleted: boolean;
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
  /** The user of a login that has not expired, and when it does. */
  findByToken(tokenHash: Buffer, now: Date): Promise<{ user: User; expiresAt: Date } | undefined>;
  extendLogin(tokenHash: Buffer, expiresAt: Date): Promise<void>;
  deleteLogin(tokenHash: Buffer): Promise<void>;
}

export interface NewSession {
  readonly id: string;
  readonly userId: string;
  readonly topic: Topic;
  readonly crisis: boolean;
  readonly idempotency: { readonly key: string; readonly requestDigest: string } | undefined;
  readonly now: Date;
}

/** A step that has finished. */
export interface StepRecord {
  readonly name: string;
  readonly durationMs: number;
}

/** One session as its owner sees it at this moment. */
export interface SessionSnapshot {
  readonly id: string;
  readonly status: SessionStatus;
  readonly requestDigest: string | null;
  readonly finished: FinishedSession | undefined;
}

export interface SessionResult {
  readonly empathy: Empathy;
  readonly reflection: Reflection;
  readonly persona: Persona;
  readonly degraded: boolean;
  readonly completedAt: Date;
}

export interface SessionRepository {
  /** False when the user already has a session with this idempotency key; nothing is written then. */
  insert(session: NewSession): Promise<boolean>;
  find(userId: string, sessionId: string): Promise<SessionSnapshot | undefined>;
  findByIdempotencyKey(userId: string, key: string): Promise<SessionSnapshot | undefined>;
  steps(sessionId: string): Promise<readonly StepRecord[]>;
  /** Finished sessions, newest first, older than `before`. */
  list(userId: string, limit: number, before: string | undefined): Promise<readonly FinishedSession[]>;
  history(userId: string): Promise<UserHistory>;
  recordStep(sessionId: string, step: StepRecord): Promise<void>;
  /** Cards, persona and status in one transaction. */
  complete(sessionId: string, result: SessionResult): Promise<void>;
  fail(sessionId: string): Promise<void>;
  /** False when there is no such session of this user. */
  delete(userId: string, sessionId: string): Promise<boolean>;
}
