import { z } from 'zod';
import { crisisSupportSchema, finishedSessionSchema, SESSION_STATUSES } from '../domain/session.ts';
import type { SessionProgress } from '../sessions/session-service.ts';
import { FAILURE_MESSAGES, STATUS_MESSAGES } from './messages.ts';

/** What the session routes take and give, beside the session itself. */

export const sessionParamsSchema = z.object({
  sessionId: z.uuid().meta({ description: 'The id that the creation answered.' }),
});

export const listQuerySchema = z.object({
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(100)
    .default(20)
    .meta({ description: 'Sessions on a page: 1 to 100.' }),
  cursor: z
    .string()
    .transform((cursor) => Buffer.from(cursor, 'base64url').toString())
    .pipe(z.uuid({ message: 'not a cursor of this API' }))
    .optional()
    .meta({ description: '`next_cursor` of the page before.' }),
});

const seq = z.coerce.number().int().min(0);

export const streamQuerySchema = z.object({
  deltas: z
    .enum(['0', '1'])
    .default('0')
    .transform((value) => value === '1')
    .meta({ description: '`1` adds a line whenever more of a part has been written, ten a second at most.' }),
});

export const eventsQuerySchema = streamQuerySchema.extend({
  after: seq.optional().meta({ description: '`seq` of the last event you have: those after it follow.' }),
});

export const lastEventIdSchema = seq.optional();

export function toCursor(sessionId: string): string {
  return Buffer.from(sessionId).toString('base64url');
}

export const idempotencyKeySchema = z
  .string()
  .regex(/^[\x21-\x7e]{1,255}$/, { message: 'must be 1 to 255 visible ASCII characters' })
  .optional()
  .meta({ description: 'The same key with the same body answers with the same session.' });

export const sessionPageSchema = z
  .object({ sessions: z.array(finishedSessionSchema), next_cursor: z.string().nullable() })
  .meta({ id: 'SessionPage' });

export const acceptedSessionSchema = z
  .object({
    session_id: z.uuid(),
    status: z.literal('processing'),
    message: z.string(),
    estimated_seconds: z.int(),
    crisis_support: crisisSupportSchema.optional(),
  })
  .meta({ id: 'AcceptedSession' });

export const sessionStatusSchema = z
  .object({
    session_id: z.uuid(),
    status: z.enum(SESSION_STATUSES),
    progress: z.object({
      completed_steps: z.int(),
      total_steps: z.int(),
      steps: z.array(
        z.object({
          name: z.string(),
          status: z.enum(['pending', 'running', 'completed']),
          duration_ms: z.number().nullable(),
        }),
      ),
    }),
    message: z.string(),
    estimated_seconds: z.int().meta({ description: 'What is left; 0 once the session has ended.' }),
    queue_position: z
      .int()
      .nullable()
      .meta({ description: 'Sessions before it; null when it does not wait.' }),
  })
  .meta({ id: 'SessionStatus' });

export function toStatusBody({
  snapshot,
  steps,
  estimate,
}: SessionProgress): z.infer<typeof sessionStatusSchema> {
  return {
    session_id: snapshot.id,
    status: snapshot.status,
    progress: {
      completed_steps: steps.filter(({ status }) => status === 'completed').length,
      total_steps: steps.length,
      steps: steps.map(({ name, status, durationMs }) => ({
        name,
        status,
        duration_ms: durationMs === null ? null : Math.round(durationMs * 10) / 10,
      })),
    },
    message: messageFor(snapshot),
    estimated_seconds: estimate.seconds,
    queue_position: estimate.queuePosition,
  };
}

function messageFor({ status, failureReason }: SessionProgress['snapshot']): string {
  return status === 'failed' ? FAILURE_MESSAGES[failureReason ?? 'step_failed'] : STATUS_MESSAGES[status];
}

/** An entity tag that changes with what a client waits for, and not with the estimate. */
export function statusTag({ status, progress }: z.infer<typeof sessionStatusSchema>): string {
  return `"${status}-${progress.completed_steps}"`;
}
