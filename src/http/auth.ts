import { hash, randomBytes } from 'node:crypto';
import { parseCookie, stringifySetCookie } from 'cookie';
import type { NextFunction, Request, Response } from 'express';
import { v7 as uuidv7 } from 'uuid';
import { nicknameFor } from '../domain/nickname.ts';
import type { User, UserRepository } from '../domain/ports.ts';
import { AppError } from '../errors.ts';

const COOKIE_NAME = 'meari_session';
const LIFETIME_MS = 30 * 24 * 60 * 60 * 1000;
/** Sliding expiry, written at most once a day for each login and not with every request. */
const RENEW_AFTER_MS = 24 * 60 * 60 * 1000;

export interface AuthDependencies {
  readonly users: UserRepository;
  readonly secureCookies: boolean;
  readonly now: () => Date;
}

export type Auth = ReturnType<typeof createAuth>;

export function createAuth({ users, secureCookies, now }: AuthDependencies) {
  function setCookie(res: Response, token: string, maxAgeMs: number): void {
    const cookie = {
      name: COOKIE_NAME,
      value: token,
      httpOnly: true,
      sameSite: 'lax',
      secure: secureCookies,
      path: '/',
      maxAge: Math.floor(maxAgeMs / 1000),
    } as const;
    res.append('Set-Cookie', stringifySetCookie(cookie));
  }

  return {
    /** Makes a guest account and logs it in on this answer. */
    async createGuest(res: Response): Promise<User> {
      const token = randomBytes(32).toString('base64url');
      const id = uuidv7();
      const user = await users.createGuest({
        id,
        nickname: nicknameFor(id),
        tokenHash: hashOf(token),
        expiresAt: new Date(now().getTime() + LIFETIME_MS),
      });
      setCookie(res, token, LIFETIME_MS);
      return user;
    },

    /** Lets the request pass with its user's id in `res.locals`, or refuses it with UNAUTHENTICATED. */
    async requireUser(req: Request, res: Response, next: NextFunction): Promise<void> {
      const token = tokenOf(req);
      const login = token === undefined ? undefined : await users.findLogin(hashOf(token), now());
      if (token === undefined || login === undefined) throw new AppError('UNAUTHENTICATED');
      const expiresAt = new Date(now().getTime() + LIFETIME_MS);
      if (expiresAt.getTime() - login.expiresAt.getTime() > RENEW_AFTER_MS) {
        await users.extendLogin(hashOf(token), expiresAt);
        setCookie(res, token, LIFETIME_MS);
      }
      res.locals.userId = login.userId;
      next();
    },

    /** As the database has them: the first finished session may have been a moment ago. */
    async currentUser(res: Response): Promise<User> {
      const user = await users.find(userIdOf(res));
      if (!user) throw new AppError('UNAUTHENTICATED');
      return user;
    },

    async logout(req: Request, res: Response): Promise<void> {
      const token = tokenOf(req);
      if (token !== undefined) await users.deleteLogin(hashOf(token));
      setCookie(res, '', 0);
    },
  };
}

/** The user whom `requireUser` let in. */
export function userIdOf(res: Response): string {
  return res.locals.userId as string;
}

function tokenOf(req: Request): string | undefined {
  return parseCookie(req.headers.cookie ?? '')[COOKIE_NAME] || undefined;
}

/** The token has 256 random bits, so that a plain hash is enough: there is nothing to guess. */
function hashOf(token: string): Buffer {
  return Buffer.from(hash('sha256', token, 'hex'), 'hex');
}
