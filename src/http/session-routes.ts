import { type RequestHandler, Router } from 'express';
import { sessionRequestSchema, toTopic } from '../domain/session-request.ts';
import type { SessionService } from '../sessions/session-service.ts';
import { userOf } from './auth.ts';
import { jsonBody } from './json-body.ts';
import {
  idempotencyKeySchema,
  listQuerySchema,
  sessionParamsSchema,
  toCursor,
  toStatusBody,
} from './session-schemas.ts';
import { validate } from './validate.ts';

export interface SessionRouteDependencies {
  readonly service: SessionService;
  readonly requireUser: RequestHandler;
  readonly limitCreation: RequestHandler;
  /** Adds `Server-Timing` with the steps: for developers, not for the public. */
  readonly showTimings: boolean;
}

export function sessionRoutes({
  service,
  requireUser,
  limitCreation,
  showTimings,
}: SessionRouteDependencies): Router {
  const router = Router();
  router.use(requireUser);

  router.post('/', limitCreation, jsonBody, async (req, res) => {
    const request = validate(sessionRequestSchema, req.body, 'body');
    const idempotencyKey = validate(idempotencyKeySchema, req.get('Idempotency-Key'), 'Idempotency-Key');
    const { session, replayed, steps } = await service.create({
      userId: userOf(res).id,
      topic: toTopic(request),
      idempotencyKey,
    });
    if (replayed) res.set('Idempotency-Replayed', 'true');
    if (showTimings && steps.length > 0) {
      res.set(
        'Server-Timing',
        steps.map(({ name, durationMs }) => `${name};dur=${durationMs.toFixed(1)}`).join(', '),
      );
    }
    res.status(201).location(`${req.baseUrl}/${session.session_id}`).json(session);
  });

  router.get('/', async (req, res) => {
    const { limit, cursor } = validate(listQuerySchema, req.query, 'query');
    // One more than asked for tells whether there is a next page.
    const found = await service.list(userOf(res).id, limit + 1, cursor);
    const sessions = found.slice(0, limit);
    const last = sessions.at(-1);
    const next_cursor = found.length > limit && last ? toCursor(last.session_id) : null;
    res.json({ sessions, next_cursor });
  });

  router.get('/:sessionId', async (req, res) => {
    const { sessionId } = validate(sessionParamsSchema, req.params, 'path');
    const progress = await service.progress(userOf(res).id, sessionId);
    if (!progress.snapshot.finished) {
      res.json(toStatusBody(progress));
      return;
    }
    // A finished session never changes. Express answers 304 where the client has it already.
    res.set('ETag', `"${sessionId}"`).json(progress.snapshot.finished);
  });

  router.get('/:sessionId/status', async (req, res) => {
    const { sessionId } = validate(sessionParamsSchema, req.params, 'path');
    res.json(toStatusBody(await service.progress(userOf(res).id, sessionId)));
  });

  router.delete('/:sessionId', async (req, res) => {
    const { sessionId } = validate(sessionParamsSchema, req.params, 'path');
    await service.delete(userOf(res).id, sessionId);
    res.status(204).end();
  });

  return router;
}
