import { z } from 'zod';
import {
  crisisSupportSchema,
  empathySchema,
  finishedSessionSchema,
  personaSchema,
  reflectionSchema,
} from '../domain/session.ts';
import { errorBodySchema } from './error-handler.ts';

/** The lines of an event stream, as their readers get them. */

const numbered = {
  seq: z
    .int()
    .min(1)
    .meta({ description: '1, 2, … for this session: the same event always has the same number.' }),
  session_id: z.uuid(),
};

export const streamLineSchema = z
  .discriminatedUnion('status', [
    z.object({
      status: z.literal('starting'),
      ...numbered,
      estimated_seconds: z.int(),
      crisis_support: crisisSupportSchema.optional(),
    }),
    z.object({ status: z.literal('persona_created'), ...numbered, data: personaSchema }),
    z.object({ status: z.literal('empathy_created'), ...numbered, data: empathySchema }),
    z.object({ status: z.literal('reflection_created'), ...numbered, data: reflectionSchema }),
    z.object({
      status: z.literal('cards_created'),
      ...numbered,
      data: z.object({ empathy: empathySchema, reflection: reflectionSchema }),
    }),
    z.object({ status: z.literal('completed'), ...numbered, data: finishedSessionSchema }),
    z.object({
      status: z.literal('failed'),
      seq: numbered.seq.optional(),
      session_id: numbered.session_id,
      error: errorBodySchema,
    }),
    z
      .object({
        status: z.literal('delta'),
        step: z.enum(['persona', 'empathy', 'reflection']),
        session_id: z.uuid(),
        data: z.looseObject({}),
      })
      .meta({
        description:
          'With `?deltas=1`: the part so far, from its beginning each time, in place of the one before. ' +
          'It may be shorter, or other words, when the part is begun anew. Not numbered, not kept, not sent again.',
      }),
    z.object({ status: z.literal('heartbeat') }),
    z.object({ status: z.literal('reconnect'), session_id: z.uuid() }).meta({
      description: 'The service stops: go on at `…/events?after=SEQ`.',
    }),
  ])
  .meta({
    id: 'StreamLine',
    description: 'One JSON object a line (NDJSON), or the `data` of an event (SSE).',
  });
