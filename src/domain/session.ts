import { z } from 'zod';
import type { Voice } from './corpus.ts';

/**
 * What a session is made of, as the frontend in production reads it: field names and nesting are fixed.
 * The same schemas check what a writer returns, type the code and describe the API.
 */

const text = z.string().min(1);

export const quoteSchema = z
  .object({ text, speaker: text, news_id: z.string().nullable() })
  .meta({ id: 'Quote' });

/** The article that a quote is from: null for words of our own, which the seeded corpus holds alone. */
const newsFields = {
  news_id: z.string().nullable(),
  news_title: z.string().nullable(),
  news_provider: z.string().nullable(),
  news_date: z.string().nullable(),
  news_link: z.string().nullable(),
};

export const NO_NEWS = {
  news_id: null,
  news_title: null,
  news_provider: null,
  news_date: null,
  news_link: null,
} as const;

/** The news fields of a card that quotes the voice. */
export function newsOf({ article }: Pick<Voice, 'article'>) {
  if (article === undefined) return NO_NEWS;
  const { id, title, provider, date, link } = article;
  return { news_id: id, news_title: title, news_provider: provider, news_date: date, news_link: link };
}

export const empathyCardSchema = z
  .object({
    title: text,
    content: text,
    quote_text: text,
    speaker: text,
    ...newsFields,
    emotion_keywords: z.array(text).min(1),
  })
  .meta({ id: 'EmpathyCard' });

export const reflectionCardSchema = z
  .object({ title: text, content: text, ...newsFields, key_points: z.array(text).min(1) })
  .meta({ id: 'ReflectionCard' });

export const insightsSchema = z
  .object({
    problem: text,
    causes: z.array(text).min(1),
    solutions: z.array(text).min(1),
    supporters: z.array(text).min(1),
    peers: z.array(text).min(1),
  })
  .meta({ id: 'Insights' });

export const empathySchema = z
  .object({
    type: z.literal('empathy'),
    title: text,
    content: text.meta({ description: 'The three cards joined as "### title\\ncontent".' }),
    emotion_keywords: z.array(text).min(1),
    quotes_used: z.array(quoteSchema).min(1),
    cards: z.array(empathyCardSchema).length(3),
  })
  .meta({ id: 'Empathy' });

export const reflectionSchema = z
  .object({
    type: z.literal('reflection'),
    title: text,
    content: text,
    key_message: text,
    insights: insightsSchema,
    cards: z.array(reflectionCardSchema).length(3),
  })
  .meta({ id: 'Reflection' });

export const personaSchema = z
  .object({
    depth: z.literal('surface'),
    depth_label: z.literal('초기 이해'),
    summary: text,
    characteristics: z.array(text).min(1),
    needs: z.array(text).min(1),
    growth_direction: text,
  })
  .meta({ id: 'Persona' });

export const crisisSupportSchema = z
  .object({
    message: text,
    contacts: z.array(z.object({ name: text, phone: text, hours: text })).min(1),
  })
  .meta({
    id: 'CrisisSupport',
    description: 'Present when the words suggest that their writer may hurt themselves.',
  });

export const finishedSessionSchema = z
  .object({
    status: z.literal('success'),
    session_type: z.literal('initial'),
    timestamp: z.iso.datetime(),
    session_id: z.uuid(),
    cards: z.object({ empathy: empathySchema, reflection: reflectionSchema }),
    persona: personaSchema,
    crisis_support: crisisSupportSchema.optional(),
    degraded: z.boolean().meta({ description: 'True when a part came from the fallback writer.' }),
    next_action: z.literal('growth_content'),
  })
  .meta({ id: 'Session' });

export type Quote = z.infer<typeof quoteSchema>;
export type EmpathyCard = z.infer<typeof empathyCardSchema>;
export type ReflectionCard = z.infer<typeof reflectionCardSchema>;
export type Empathy = z.infer<typeof empathySchema>;
export type Reflection = z.infer<typeof reflectionSchema>;
export type Persona = z.infer<typeof personaSchema>;
export type FinishedSession = z.infer<typeof finishedSessionSchema>;

/** A part as a writer hands it over, and as its step keeps it. */
export interface Written<Part> {
  readonly part: Part;
  /** It came from the fallback writer: good enough to show, and not to keep for others. */
  readonly degraded: boolean;
}

/** The three cards in one text, as older clients show them. */
export function joinCards(cards: readonly { readonly title: string; readonly content: string }[]): string {
  return cards.map(({ title, content }) => `### ${title}\n${content}`).join('\n\n');
}

export const SESSION_STATUSES = ['queued', 'processing', 'completed', 'failed'] as const;
export type SessionStatus = (typeof SESSION_STATUSES)[number];
