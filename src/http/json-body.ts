import express, { type NextFunction, type Request, type Response } from 'express';
import { AppError } from '../errors.ts';

/** Bytes: 500 code points as escaped surrogate pairs are 6 000, and there is room for unknown fields. */
const LIMIT = 16 * 1024;

const parse = express.json({ limit: LIMIT });

/** Parses a JSON body, and refuses any other content type instead of leaving the body unread. */
export function jsonBody(req: Request, res: Response, next: NextFunction): void {
  const empty = req.get('Content-Length') === '0';
  if (!empty && req.is('application/json') === false) {
    throw new AppError('UNSUPPORTED_MEDIA_TYPE', { detail: 'Content-Type' });
  }
  parse(req, res, next);
}
