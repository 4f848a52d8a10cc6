import { z } from 'zod';
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiResponseObject } from 'zod-openapi';
import { finishedSessionSchema } from '../domain/session.ts';
import { sessionRequestSchema } from '../domain/session-request.ts';
import { userSchema } from './auth-routes.ts';
import { errorBodySchema } from './error-handler.ts';
import {
  acceptedSessionSchema,
  eventsQuerySchema,
  idempotencyKeySchema,
  lastEventIdSchema,
  listQuerySchema,
  sessionPageSchema,
  sessionParamsSchema,
  sessionStatusSchema,
  streamQuerySchema,
} from './session-schemas.ts';
import { streamLineSchema } from './stream-schemas.ts';
import { tagTreeSchema } from './tag-routes.ts';

const SESSIONS = '/api/v1/meari/sessions';

function json(description: string, schema: z.ZodType): ZodOpenApiResponseObject {
  return { description, content: { 'application/json': { schema } } };
}

const ERROR_DESCRIPTIONS = {
  400: 'VALIDATION_ERROR: `detail` names the field.',
  401: 'UNAUTHENTICATED: no cookie, or its login has ended.',
  403: 'FORBIDDEN: sent by a page of a foreign origin.',
  404: 'NOT_FOUND: no such session of this user.',
  409: 'CONFLICT: the session of this Idempotency-Key was deleted while it was asked for.',
  413: 'PAYLOAD_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE: send JSON.',
  422: 'IDEMPOTENCY_KEY_REUSED: with another body.',
  429: 'RATE_LIMITED: too many requests, or unfinished sessions; see `Retry-After`.',
  500: 'INTERNAL',
  503: 'UNAVAILABLE: a dependency is away, or the queue is full; see `Retry-After`.',
} as const;

function errors(...statuses: (keyof typeof ERROR_DESCRIPTIONS)[]): Record<string, ZodOpenApiResponseObject> {
  return Object.fromEntries(
    [...statuses, 500 as const, 503 as const].map((status) => [
      String(status),
      json(ERROR_DESCRIPTIONS[status], errorBodySchema),
    ]),
  );
}

const loggedIn = { security: [{ cookie: [] }] };
const oneSession = { ...loggedIn, requestParams: { path: sessionParamsSchema } };

const STREAM = {
  'application/x-ndjson': { schema: streamLineSchema },
  'text/event-stream': { schema: streamLineSchema },
};

const preferSchema = z
  .string()
  .optional()
  .meta({ description: '`wait=N` (seconds) or `respond-async` (RFC 7240).', examples: ['wait=20'] });

const createSession: ZodOpenApiOperationObject = {
  ...loggedIn,
  operationId: 'createSession',
  tags: ['sessions'],
  summary: 'Create a session: wait for it, come back for it, or follow it',
  description:
    'One pipeline, three deliveries. As it is: waits, and answers 201 with the session, or 202 when that takes too ' +
    'long. `Prefer: wait=N` waits N seconds at most; `Prefer: respond-async` answers 202 at once. ' +
    '`Accept: application/x-ndjson` or `text/event-stream` streams the events as they happen.',
  requestParams: {
    header: z.object({ 'Idempotency-Key': idempotencyKeySchema, Prefer: preferSchema }),
    query: streamQuerySchema,
  },
  requestBody: { required: true, content: { 'application/json': { schema: sessionRequestSchema } } },
  responses: {
    201: {
      description: 'The finished session, or its events.',
      content: { 'application/json': { schema: finishedSessionSchema }, ...STREAM },
    },
    202: json(
      'Accepted: `Location` and `Retry-After` say where and when to come back.',
      acceptedSessionSchema,
    ),
    ...errors(400, 401, 403, 409, 413, 415, 422, 429),
  },
};

/** The API's description, from the same schemas that check requests and type the answers. */
export function openApiDocument() {
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Meari API',
      version: '1.0.0',
      description:
        'A user names what troubles them, and gets a persona, empathy cards and reflection cards. ' +
        'Start with `POST /auth/guest`: its cookie opens everything under `/api`.',
    },
    components: {
      securitySchemes: { cookie: { type: 'apiKey', in: 'cookie', name: 'meari_session' } },
    },
    paths: {
      [SESSIONS]: {
        post: createSession,
        get: {
          ...loggedIn,
          operationId: 'listSessions',
          tags: ['sessions'],
          summary: 'Finished sessions, newest first',
          requestParams: { query: listQuerySchema },
          responses: { 200: json('A page of sessions.', sessionPageSchema), ...errors(400, 401) },
        },
      },
      [`${SESSIONS}/{sessionId}`]: {
        get: {
          ...oneSession,
          operationId: 'getSession',
          tags: ['sessions'],
          summary: 'One session',
          responses: {
            200: json(
              'The session, or its status while it is not finished.',
              z.union([finishedSessionSchema, sessionStatusSchema]),
            ),
            304: { description: 'The client has it already (`If-None-Match`).' },
            ...errors(400, 401, 404),
          },
        },
        delete: {
          ...oneSession,
          operationId: 'deleteSession',
          tags: ['sessions'],
          summary: 'Delete a session and all that it made',
          responses: { 204: { description: 'Deleted.' }, ...errors(400, 401, 403, 404) },
        },
      },
      [`${SESSIONS}/{sessionId}/events`]: {
        get: {
          ...oneSession,
          operationId: 'followSession',
          tags: ['sessions'],
          summary: 'The events of a session: what has happened, then what happens',
          requestParams: {
            path: sessionParamsSchema,
            query: eventsQuerySchema,
            header: z.object({ 'Last-Event-ID': lastEventIdSchema }),
          },
          responses: {
            200: { description: 'The events, by `Accept`.', content: STREAM },
            ...errors(400, 401, 404),
          },
        },
      },
      [`${SESSIONS}/{sessionId}/status`]: {
        get: {
          ...oneSession,
          requestParams: { path: sessionParamsSchema, header: z.object({ Prefer: preferSchema }) },
          operationId: 'getSessionStatus',
          tags: ['sessions'],
          summary: 'How far a session is',
          description:
            '`Prefer: wait=N` answers once something changes. With `If-None-Match`, the `ETag` of the answer before, it ' +
            'answers at once when there is more to tell already, and 304 when there is nothing new.',
          responses: {
            200: json('The status, with each step.', sessionStatusSchema),
            304: { description: 'Nothing new (`If-None-Match`).' },
            ...errors(400, 401, 404),
          },
        },
      },
      '/api/v1/tags': {
        get: {
          operationId: 'listTags',
          tags: ['tags'],
          summary: 'The tag tree',
          responses: { 200: json('Major tags with their minor tags.', tagTreeSchema), ...errors() },
        },
      },
      '/auth/guest': {
        post: {
          operationId: 'createGuest',
          tags: ['auth'],
          summary: 'Make a guest account and log in',
          responses: { 201: json('The guest. Sets the cookie `meari_session`.', userSchema), ...errors(403) },
        },
      },
      '/auth/me': {
        get: {
          ...loggedIn,
          operationId: 'getMe',
          tags: ['auth'],
          summary: 'Who is logged in',
          responses: { 200: json('The user.', userSchema), ...errors(401) },
        },
      },
      '/auth/logout': {
        post: {
          operationId: 'logout',
          tags: ['auth'],
          summary: 'End the login',
          responses: { 204: { description: 'Logged out, also when nobody was.' }, ...errors(403) },
        },
      },
    },
  });
}
