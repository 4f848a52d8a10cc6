import { z } from 'zod';
import { FRONTEND_LABELS, MINOR_TAG_IDS } from './tags.ts';

/** Code points, as a person counts characters: an emoji outside the BMP is one, not two. */
export const USER_CONTEXT_MAX_LENGTH = 500;

export const sessionRequestSchema = z
  .object({
    selected_tag_id: z
      .int()
      .refine((id) => MINOR_TAG_IDS.includes(id), {
        message: `must be one of the minor tags ${MINOR_TAG_IDS.join(', ')}`,
      })
      .meta({ description: 'A minor tag. The major tags 1, 5 and 9 are refused.', examples: [2] }),
    user_context: z
      .string()
      .refine((text) => text.isWellFormed(), {
        message: 'must be well-formed Unicode (lone surrogate found)',
      })
      .refine((text) => !text.includes('\u0000'), { message: 'must not contain null characters' })
      .transform((text) => text.trim())
      .refine((text) => [...text].length <= USER_CONTEXT_MAX_LENGTH, {
        message: `must be at most ${USER_CONTEXT_MAX_LENGTH} characters`,
      })
      .nullish()
      .meta({
        description: `What troubles the user, in their own words: at most ${USER_CONTEXT_MAX_LENGTH} characters.`,
        examples: ['매일 야근하고 집에 오면 아무것도 못 하겠어요'],
      }),
  })
  .meta({ id: 'SessionRequest' });

/** Texts for one topic that users who wrote nothing get to read. */
const VARIANTS = 8;

/** @param sessionId a UUIDv7, whose end is random. */
export function variantOf(sessionId: string): number {
  return Number.parseInt(sessionId.slice(-4), 16) % VARIANTS;
}

/** What the pipeline works on: the topic, and the user's own words if there are any. */
export interface Topic {
  readonly tagId: number;
  readonly userContext: string | null;
}

/** A frontend label counts as no context, and decides the tag. */
export function toTopic(request: z.output<typeof sessionRequestSchema>): Topic {
  const text = request.user_context || null;
  const labelledTag = text === null ? undefined : FRONTEND_LABELS.get(text);
  return labelledTag === undefined
    ? { tagId: request.selected_tag_id, userContext: text }
    : { tagId: labelledTag, userContext: null };
}
