import type { Redis } from 'ioredis';

/**
 * One script, so that look and take are one step, by the clock of Redis alone. A place goes to whoever came first
 * among all processes; those whose process is no longer heard of are passed over. Whoever asks again because the
 * answer was lost has its place still, and a Redis that has forgotten the line goes on counting after those who wait.
 *
 * Calls run in `running` until they are given back or their time is over. `counted` has every call that still counts
 * for the window, with the moment at which it stops to.
 */
const ACQUIRE = `
local running, counted, waiting, alive, tickets = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local process, ticket = ARGV[1], ARGV[2]
local place = tonumber(ARGV[3])
local perWindow, windowMs, atOnce = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local callMs, silentMs = tonumber(ARGV[7]), tonumber(ARGV[8])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

redis.call('ZADD', alive, now, process)
redis.call('ZREMRANGEBYSCORE', alive, '-inf', now - windowMs - callMs)
redis.call('ZREMRANGEBYSCORE', running, '-inf', now)
redis.call('ZREMRANGEBYSCORE', counted, '-inf', now)
if place == 0 then place = redis.call('INCR', tickets)
elseif place > tonumber(redis.call('GET', tickets) or 0) then redis.call('SET', tickets, place) end
local processes = redis.call('ZCARD', alive)
if redis.call('ZSCORE', running, ticket) then return {1, place, processes} end
redis.call('ZADD', waiting, place, ticket)
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, 2 * (windowMs + callMs)) end

local free = math.min(atOnce - redis.call('ZCARD', running), perWindow - redis.call('ZCARD', counted))
if free <= 0 then return {0, place, processes} end
local before = 0
for _, other in ipairs(redis.call('ZRANGE', waiting, 0, -1)) do
  if before >= free then break end
  if other == ticket then
    redis.call('ZREM', waiting, ticket)
    redis.call('ZADD', running, now + callMs, ticket)
    redis.call('ZADD', counted, now + callMs + windowMs, ticket)
    return {1, place, processes}
  end
  local heard = redis.call('ZSCORE', alive, string.match(other, '^[^:]+'))
  if heard and tonumber(heard) >= now - silentMs then before = before + 1
  else redis.call('ZREM', waiting, other) end
end
return {0, place, processes}
`;

/** Rounded up, where a look rounds down: a window is never a part of a millisecond too short. */
const RELEASE = `
local time = redis.call('TIME')
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[2], 'XX', time[1] * 1000 + math.ceil(time[2] / 1000) + ARGV[2], ARGV[1])
`;

/** A call that runs counts as if it had begun now, which is no less than it does. */
const RESTORE = `
local running, counted = KEYS[1], KEYS[2]
local callMs, windowMs = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.ceil(time[2] / 1000)
for i = 3, #ARGV, 2 do
  local ticket, left = ARGV[i], tonumber(ARGV[i + 1])
  if left < 0 then
    redis.call('ZADD', running, now + callMs, ticket)
    redis.call('ZADD', counted, now + callMs + windowMs, ticket)
  else
    redis.call('ZREM', running, ticket)
    redis.call('ZADD', counted, now + left, ticket)
  end
end
for i = 1, 2 do redis.call('PEXPIRE', KEYS[i], 2 * (windowMs + callMs)) end
`;

/** A call as its process knows it. */
export interface KnownCall {
  readonly ticket: string;
  /** Milliseconds for which it still counts, when it has ended. */
  readonly countsForMs: number | undefined;
}

export interface PlaceOptions {
  readonly perWindow: number;
  readonly windowMs: number;
  readonly atOnce: number;
  /** Milliseconds after which a call is over, however its process ended. */
  readonly callMs: number;
  /** Milliseconds of silence after which those who wait in a process are passed over. */
  readonly silentMs: number;
}

export interface Attempt {
  readonly granted: boolean;
  /** In the order of arrival among all processes. */
  readonly place: number;
  /** That have asked within the last window. */
  readonly processes: number;
}

export interface Places {
  /** @param place that an earlier attempt answered; 0 for the first. */
  attempt(ticket: string, place: number): Promise<Attempt>;
  release(ticket: string): Promise<void>;
  /** Counts calls that Redis may not know of, or not as they are. */
  restore(calls: readonly KnownCall[]): Promise<void>;
  /** Waits no longer. */
  leave(ticket: string): Promise<void>;
}

/** @param process names this one; a ticket is `process:number`. */
export function createPlaces(redis: Redis, process: string, options: PlaceOptions): Places {
  const { perWindow, windowMs, atOnce, callMs, silentMs } = options;
  // The braces put all of them on one node of a cluster.
  const key = (name: string) => `meari:{llm}:${name}`;
  const [running, counted, waiting] = [key('running'), key('counted'), key('waiting')];
  const keys = [running, counted, waiting, key('alive'), key('tickets')];
  const limits = [Number.isFinite(perWindow) ? perWindow : Number.MAX_SAFE_INTEGER, windowMs, atOnce];
  redis.defineCommand('acquireLlmPlace', { numberOfKeys: keys.length, lua: ACQUIRE });
  redis.defineCommand('releaseLlmPlace', { numberOfKeys: 2, lua: RELEASE });
  redis.defineCommand('restoreLlmCalls', { numberOfKeys: 2, lua: RESTORE });
  const commands = redis as unknown as {
    acquireLlmPlace(...args: (string | number)[]): Promise<[number, number, number]>;
    releaseLlmPlace(...args: (string | number)[]): Promise<void>;
    restoreLlmCalls(...args: (string | number)[]): Promise<void>;
  };

  return {
    async attempt(ticket, place) {
      const args = [process, ticket, place, ...limits, callMs, silentMs];
      const [granted, given, processes] = await commands.acquireLlmPlace(...keys, ...args);
      return { granted: granted === 1, place: given, processes };
    },
    release: (ticket) => commands.releaseLlmPlace(running, counted, ticket, windowMs),
    async restore(calls) {
      const told = calls.flatMap(({ ticket, countsForMs }) => [ticket, Math.ceil(countsForMs ?? -1)]);
      await commands.restoreLlmCalls(running, counted, callMs, windowMs, ...told);
    },
    async leave(ticket) {
      await redis.zrem(waiting, ticket);
    },
  };
}
