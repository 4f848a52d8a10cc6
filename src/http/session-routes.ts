import { type Request, type RequestHandler, type Response, Router } from 'express';
import { isCrisis } from '../domain/crisis.ts';
import { sessionRequestSchema, type Topic, toTopic } from '../domain/session-request.ts';
import { maySeeTimings } from '../profiling/profile-headers.ts';
import type { StreamFormat } from '../sessions/session-metrics.ts';
import type { AcceptedSession, SessionService } from '../sessions/session-service.ts';
import { userIdOf } from './auth.ts';
import { jsonBody } from './json-body.ts';
import { jsonBytes } from './json-bytes.ts';
import { parsePrefer } from './prefer.ts';
import type { Delivery } from './session-delivery.ts';
import {
  eventsQuerySchema,
  idempotencyKeySchema,
  lastEventIdSchema,
  listQuerySchema,
  sessionParamsSchema,
  statusTag,
  streamQuerySchema,
  toCursor,
  toStatusBody,
} from './session-schemas.ts';
import { validate } from './validate.ts';

export interface SessionRouteDependencies {
  readonly service: SessionService;
  readonly delivery: Delivery;
  readonly requireUser: RequestHandler;
  readonly limitCreation: RequestHandler;
  /** Milliseconds that a request waits for its session at most. */
  readonly syncWaitMs: number;
}

export function sessionRoutes(dependencies: SessionRouteDependencies): Router {
  const { service, delivery, requireUser, limitCreation, syncWaitMs } = dependencies;
  const router = Router();
  router.use(requireUser);

  // Read before anything that may refuse the request, so that a refusal too can name the help lines.
  router.post('/', jsonBody, readTopic, limitCreation, async (req, res) => {
    const { deltas } = validate(streamQuerySchema, req.query, 'query');
    const idempotencyKey = validate(idempotencyKeySchema, req.get('Idempotency-Key'), 'Idempotency-Key');
    const accepted = await service.create({
      userId: userIdOf(res),
      topic: topicOf(res),
      idempotencyKey,
    });
    res.location(`${req.baseUrl}/${accepted.id}`);
    if (accepted.replayed) res.set('Idempotency-Replayed', 'true');

    const format = streamFormat(req);
    if (format) {
      const isNew = !accepted.replayed;
      await delivery.stream(res, accepted.follower, {
        status: 201,
        format,
        session: accepted,
        after: 0,
        isNew,
        deltas,
      });
    } else {
      await respond(req, res, accepted);
    }
  });

  async function respond(req: Request, res: Response, accepted: AcceptedSession): Promise<void> {
    const { respondAsync, wait } = parsePrefer(req.get('Prefer'));
    if (respondAsync && accepted.status !== 'completed') {
      accepted.follower.close();
      res.set('Preference-Applied', 'respond-async');
      await delivery.respondAccepted(res, accepted);
      return;
    }
    if (wait !== undefined) res.set('Preference-Applied', `wait=${Math.min(wait, syncWaitMs / 1000)}`);
    const waitMs = wait === undefined ? syncWaitMs : Math.min(wait * 1000, syncWaitMs);
    const session = await delivery.wait(res, accepted, waitMs);
    if (!session) {
      // How far it is by now; when that cannot be read, as it was.
      const latest = await service.find(userIdOf(res), accepted.id).catch(() => accepted);
      await delivery.respondAccepted(res, latest);
      return;
    }
    if (maySeeTimings(res)) res.set('Server-Timing', await serverTiming(accepted.id).catch(() => ''));
    res.status(201).json(session);
  }

  async function serverTiming(sessionId: string): Promise<string> {
    const steps = await service.steps(sessionId);
    return steps.map(({ name, durationMs }) => `${name};dur=${durationMs.toFixed(1)}`).join(', ');
  }

  router.get('/', async (req, res) => {
    const { limit, cursor } = validate(listQuerySchema, req.query, 'query');
    // One more than asked for tells whether there is a next page.
    const found = await service.list(userIdOf(res), limit + 1, cursor);
    const sessions = found.slice(0, limit);
    const last = sessions.at(-1);
    const next_cursor = found.length > limit && last ? toCursor(last.session_id) : null;
    res.json({ sessions, next_cursor });
  });

  router.get('/:sessionId', async (req, res) => {
    const { sessionId } = validate(sessionParamsSchema, req.params, 'path');
    const snapshot = await service.find(userIdOf(res), sessionId);
    if (!snapshot.finished) {
      res.json(toStatusBody(await service.describe(snapshot)));
      return;
    }
    // A finished session never changes. Express answers 304 where the client has it already.
    res.set('ETag', `"${sessionId}"`).type('json').send(jsonBytes(snapshot.finished));
  });

  router.get('/:sessionId/status', async (req, res) => {
    const { sessionId } = validate(sessionParamsSchema, req.params, 'path');
    const userId = userIdOf(res);
    const { wait } = parsePrefer(req.get('Prefer'));
    const readStatus = async () =>
      toStatusBody(await service.describe(await service.find(userId, sessionId)));
    // Followed before it is read, so that no change can fall between.
    const follower = wait === undefined ? undefined : await service.follow(userId, sessionId);
    try {
      const known = req.get('If-None-Match');
      let status = await readStatus();
      if (wait !== undefined && follower) {
        const first = statusTag(status);
        const hasEnded = status.status === 'completed' || status.status === 'failed';
        if (!hasEnded && (known === undefined || known === first)) {
          await delivery.waitForChange(res, follower, Math.min(wait * 1000, syncWaitMs), async () => {
            status = await readStatus();
            return statusTag(status) !== first;
          });
        }
        res.set('Preference-Applied', `wait=${Math.min(wait, syncWaitMs / 1000)}`);
      }
      res.set('ETag', statusTag(status));
      // Not left to Express: `fetch` adds `Cache-Control: no-cache` to If-None-Match, which Express takes for a reload.
      if (known === statusTag(status)) res.status(304).end();
      else res.json(status);
    } finally {
      follower?.close();
    }
  });

  router.get('/:sessionId/events', async (req, res) => {
    const { sessionId } = validate(sessionParamsSchema, req.params, 'path');
    const { after, deltas } = validate(eventsQuerySchema, req.query, 'query');
    const lastEventId = validate(lastEventIdSchema, req.get('Last-Event-ID'), 'Last-Event-ID');
    const userId = userIdOf(res);
    // Asked before the answer begins: an unknown session is a 404, and not a line.
    const session = await service.find(userId, sessionId);
    const follower = await service.follow(userId, sessionId);
    await delivery.stream(res, follower, {
      status: 200,
      format: streamFormat(req) ?? 'ndjson',
      session,
      after: after ?? lastEventId ?? 0,
      isNew: false,
      deltas,
    });
  });

  router.delete('/:sessionId', async (req, res) => {
    const { sessionId } = validate(sessionParamsSchema, req.params, 'path');
    await service.delete(userIdOf(res), sessionId);
    res.status(204).end();
  });

  return router;
}

const readTopic: RequestHandler = (req, res, next) => {
  const topic = toTopic(validate(sessionRequestSchema, req.body, 'body'));
  res.locals.topic = topic;
  res.locals.crisis = isCrisis(topic);
  next();
};

function topicOf(res: Response): Topic {
  return res.locals.topic;
}

/** The stream that the client asks for by name; a client that takes anything is not streamed to. */
function streamFormat(req: Request): StreamFormat | undefined {
  const type = req.accepts(['application/json', 'application/x-ndjson', 'text/event-stream']);
  if (type === 'application/x-ndjson') return 'ndjson';
  return type === 'text/event-stream' ? 'sse' : undefined;
}
