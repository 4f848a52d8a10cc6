import type { RequestHandler } from 'express';
import type { Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { AppError } from '../errors.ts';
import { userIdOf } from './auth.ts';

/**
 * @param perMinute sessions that one user may create in a minute; 0 is no limit.
 * @param redis counts across machines; without it, and while it is away, each process counts for itself.
 */
export function limitSessionCreation(perMinute: number, redis: Redis | undefined): RequestHandler {
  if (perMinute === 0) return (_req, _res, next) => next();
  const rule = { points: perMinute, duration: 60, keyPrefix: 'meari:rate' };
  const inProcess = new RateLimiterMemory(rule);
  const limiter = redis
    ? new RateLimiterRedis({ ...rule, storeClient: redis, insuranceLimiter: inProcess })
    : inProcess;
  return async (_req, res, next) => {
    try {
      await limiter.consume(userIdOf(res));
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      throw new AppError('RATE_LIMITED', { retryAfterSeconds: Math.ceil(refusal.msBeforeNext / 1000) });
    }
    next();
  };
}
