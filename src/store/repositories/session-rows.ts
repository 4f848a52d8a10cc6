import { CRISIS_SUPPORT } from '../../domain/crisis.ts';
import {
  type Empathy,
  type EmpathyCard,
  type FinishedSession,
  joinCards,
  type Persona,
  type Reflection,
  type ReflectionCard,
} from '../../domain/session.ts';

/** How a session is laid out in rows, and how it is put together again. */

export interface SessionRow extends Persona {
  id: string;
  status: string;
  request_digest: string | null;
  crisis: boolean;
  degraded: boolean;
  started_at: Date | null;
  completed_at: Date;
  failure_reason: string | null;
  empathy_summary: Pick<Empathy, 'title' | 'emotion_keywords' | 'quotes_used'>;
  reflection_summary: Pick<Reflection, 'title' | 'key_message' | 'insights'>;
}

export const SESSION_COLUMNS = [
  ...['id', 'status', 'request_digest', 'crisis', 'degraded', 'started_at', 'completed_at', 'failure_reason'],
  ...['empathy_summary', 'reflection_summary'],
]
  .map((name) => `s.${name}`)
  .concat(
    ['depth', 'depth_label', 'summary', 'characteristics', 'needs', 'growth_direction'].map(
      (name) => `p.${name}`,
    ),
  );

export type CardRow = { session_id: string } & (
  | { kind: 'empathy'; body: EmpathyCard }
  | { kind: 'reflection'; body: ReflectionCard }
);

/** The rows of its cards, but for the session's id. */
export function cardsOf(empathy: Empathy, reflection: Reflection) {
  return [empathy, reflection].flatMap(({ type, cards }) =>
    cards.map((card, index) => ({ kind: type, position: index + 1, body: card })),
  );
}

export function toFinishedSession(row: SessionRow, rows: readonly CardRow[]): FinishedSession {
  const empathyCards = rows.filter((card) => card.kind === 'empathy').map(({ body }) => body);
  const reflectionCards = rows.filter((card) => card.kind === 'reflection').map(({ body }) => body);
  const { title, emotion_keywords, quotes_used } = row.empathy_summary;
  const { depth, depth_label, summary, characteristics, needs, growth_direction } = row;
  return {
    status: 'success',
    session_type: 'initial',
    timestamp: row.completed_at.toISOString(),
    session_id: row.id,
    cards: {
      empathy: {
        type: 'empathy',
        title,
        content: joinCards(empathyCards),
        emotion_keywords,
        quotes_used,
        cards: empathyCards,
      },
      reflection: {
        type: 'reflection',
        title: row.reflection_summary.title,
        content: joinCards(reflectionCards),
        key_message: row.reflection_summary.key_message,
        insights: row.reflection_summary.insights,
        cards: reflectionCards,
      },
    },
    persona: { depth, depth_label, summary, characteristics, needs, growth_direction },
    ...(row.crisis ? { crisis_support: CRISIS_SUPPORT } : {}),
    degraded: row.degraded,
    next_action: 'growth_content',
  };
}
