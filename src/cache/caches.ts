import type { Sources } from '../domain/corpus.ts';
import type { SessionSnapshot, Tag } from '../domain/ports.ts';
import type { Empathy, Persona, Reflection, Written } from '../domain/session.ts';
import type { CacheDefinition } from './named-cache.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const MIB = 1024 * 1024;

/** As it is kept: a date is a text in JSON. */
export type CachedSnapshot = Omit<SessionSnapshot, 'startedAt'> & { readonly startedAt: string | null };

export interface CachedLogin {
  readonly userId: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

export type CachedWords = Written<Persona | Empathy | Reflection>;

/** What each cache holds. */
export interface CachedValues {
  sources: Sources;
  tags: readonly Tag[];
  sessions: CachedSnapshot | undefined;
  logins: CachedLogin | undefined;
  words: CachedWords;
}

export type CacheName = keyof CachedValues;

/** Everything that is cached, and for how long. */
export const CACHE_DEFINITIONS: { readonly [Name in CacheName]: CacheDefinition<CachedValues[Name]> } = {
  /** Voices, insights and policies of a tag. An external source that is down for a day is not noticed. */
  sources: {
    version: 1,
    ttlMs: 10 * MINUTE_MS,
    graceMs: 24 * HOUR_MS,
    softLimitMs: 250,
    maxBytes: 8 * MIB,
    secondLevel: true,
    coherent: false,
  },
  /** Changed by a release alone. */
  tags: { version: 1, ttlMs: HOUR_MS, maxBytes: MIB, secondLevel: false, coherent: false },
  /** Finished sessions never change, and may be deleted. The hour bounds how long a copy in Redis can stay. */
  sessions: {
    version: 1,
    ttlMs: HOUR_MS,
    maxBytes: 32 * MIB,
    secondLevel: true,
    coherent: true,
    keeps: (snapshot) => snapshot?.finished !== undefined,
  },
  /** In the process alone: a login is read from Postgres as fast as from Redis, and one place less can leak it. */
  logins: {
    version: 1,
    ttlMs: MINUTE_MS,
    maxBytes: 4 * MIB,
    secondLevel: false,
    coherent: true,
    keeps: (login) => login !== undefined,
  },
  /** Parts of sessions that hold nothing of their user. Written anew behind their readers before they run out. */
  words: {
    version: 1,
    ttlMs: 18 * HOUR_MS,
    graceMs: 24 * HOUR_MS,
    softLimitMs: 0,
    maxBytes: 8 * MIB,
    secondLevel: true,
    coherent: false,
    keeps: (words) => !words.degraded,
  },
};
