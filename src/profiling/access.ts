import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { parseCookie, stringifySetCookie } from 'cookie';
import type { Request, Response } from 'express';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';

const COOKIE_NAME = 'profiler';
const SIGNED_IN_MS = 12 * 60 * 60 * 1000;

/** Wrong tokens from one address, and seconds: nobody types that many, and nobody guesses a token with so few. */
const WRONG_TOKENS = { points: 10, duration: 60 };

/**
 * - `granted`: may see everything
 * - `missing`: has shown no token
 * - `wrong`: has shown another one
 * - `limited`: has shown too many others
 */
export type Answer =
  | { readonly access: 'granted' | 'missing' | 'wrong' }
  | { readonly access: 'limited'; readonly retryAfterSeconds: number };

export interface Access {
  /** True where nobody needs a token. */
  readonly isOpen: boolean;
  /** By `Authorization: Bearer`, or by the cookie of `signIn`. */
  check(req: Request): Promise<Answer>;
  /** The same by `Authorization` alone, for answers on another listener than the profiler's own. */
  checkBearer(req: Request): Promise<Answer>;
  /** For a token typed into a form. `granted`: the cookie is on its way. */
  signIn(req: Request, res: Response, token: string): Promise<Answer>;
}

/**
 * Who may see the profiler: whoever shows the token, or everybody who reaches the listener when there is none.
 *
 * The cookie does not hold the token: it is signed with it, ends by itself, and the signature says nothing about the key.
 */
export function createAccess(token: string | undefined): Access {
  if (token === undefined) {
    const granted = async (): Promise<Answer> => ({ access: 'granted' });
    return { isOpen: true, check: granted, checkBearer: granted, signIn: granted };
  }
  const limiter = new RateLimiterMemory(WRONG_TOKENS);

  async function checkToken(given: string, address: string): Promise<Answer> {
    const tried = await limiter.get(address);
    if (tried && tried.consumedPoints >= WRONG_TOKENS.points) return limited(tried.msBeforeNext);
    if (isSame(given, token ?? '')) return { access: 'granted' };
    try {
      await limiter.consume(address);
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      return limited(refusal.msBeforeNext);
    }
    return { access: 'wrong' };
  }

  async function checkBearer(req: Request): Promise<Answer> {
    const [, given] = /^Bearer +(\S+) *$/i.exec(req.get('Authorization') ?? '') ?? [];
    return given === undefined ? { access: 'missing' } : checkToken(given, addressOf(req));
  }

  return {
    isOpen: false,
    checkBearer,
    async check(req) {
      // Nothing to guess in a signature of 256 bits: an old cookie is no attempt, and counts as none.
      const cookie = parseCookie(req.headers.cookie ?? '')[COOKIE_NAME];
      return cookie !== undefined && isSignedIn(cookie, token) ? { access: 'granted' } : checkBearer(req);
    },
    async signIn(req, res, given) {
      const answer = await checkToken(given, addressOf(req));
      if (answer.access === 'granted') {
        res.append(
          'Set-Cookie',
          stringifySetCookie({
            name: COOKIE_NAME,
            value: signedInUntil(Date.now() + SIGNED_IN_MS, token),
            httpOnly: true,
            sameSite: 'strict',
            secure: req.secure,
            path: '/profiler',
            maxAge: SIGNED_IN_MS / 1000,
          }),
        );
      }
      return answer;
    },
  };
}

function limited(waitMs: number): Answer {
  return { access: 'limited', retryAfterSeconds: Math.ceil(waitMs / 1000) };
}

function addressOf(req: Request): string {
  return req.ip ?? 'unknown';
}

function signedInUntil(time: number, token: string): string {
  return `${time}.${createHmac('sha256', token).update(`profiler sign-in ${time}`).digest('base64url')}`;
}

function isSignedIn(cookie: string, token: string): boolean {
  const time = Number(cookie.split('.')[0]);
  return time > Date.now() && isSame(cookie, signedInUntil(time, token));
}

const COMPARISON_KEY = randomBytes(32);

/** In constant time: of two digests, so that not even the length of the right one shows. */
function isSame(given: string, right: string): boolean {
  const digest = (text: string) => createHmac('sha256', COMPARISON_KEY).update(text).digest();
  return timingSafeEqual(digest(given), digest(right));
}

/**
 * Whether a request was meant for this listener. A foreign site can give its own name our address (DNS rebinding) and
 * be of our origin then, but the browser goes on to send that name as `Host`. Nobody can do so with an address.
 *
 * @param ownHost the name that the listener is bound to.
 */
export function isOwnHost(host: string | undefined, ownHost: string): boolean {
  const name = URL.parse(`http://${host}`)?.hostname;
  if (host === undefined || name === undefined) return false;
  return name === 'localhost' || isIP(name.replace(/^\[|\]$/g, '')) !== 0 || name === ownHost.toLowerCase();
}

/** Whether what the browser says about the page that asks is this listener, or nothing: no page, or no browser. */
export function isOwnOrigin(req: Request): boolean {
  const origin = req.get('Origin');
  return origin === undefined || URL.parse(origin)?.host === req.get('Host');
}
