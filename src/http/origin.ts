import cors from 'cors';
import type { RequestHandler } from 'express';
import { AppError } from '../errors.ts';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);
/** Seconds that a browser may keep a preflight's answer; Chromium keeps none longer than two hours. */
const PREFLIGHT_MAX_AGE = 7200;

/** What a script on another origin may read, beside the body. */
const EXPOSED_HEADERS = [
  ...['ETag', 'Idempotency-Replayed', 'Location', 'Preference-Applied'],
  ...['Retry-After', 'Server-Timing', 'X-Profile-Link', 'X-Trace-Id'],
];

/** Lets the frontend's origins call with the cookie. */
export function allowOrigins(origins: readonly string[]): RequestHandler {
  return cors({
    origin: [...origins],
    credentials: true,
    maxAge: PREFLIGHT_MAX_AGE,
    exposedHeaders: EXPOSED_HEADERS,
    methods: ['GET', 'HEAD', 'POST', 'DELETE'],
  });
}

/**
 * Refuses a state-changing request that a foreign page sent (CSRF): CORS hides the answer from such a page, but a
 * simple request has taken effect by then. Without `Origin` it is no browser's cross-site request.
 */
export function refuseForeignOrigins(origins: readonly string[]): RequestHandler {
  const allowed = new Set(origins);
  return (req, _res, next) => {
    const origin = req.get('Origin');
    if (origin === undefined || SAFE_METHODS.has(req.method) || allowed.has(origin)) return next();
    if (URL.parse(origin)?.host === req.get('Host')) return next();
    throw new AppError('FORBIDDEN', { detail: 'Origin' });
  };
}
