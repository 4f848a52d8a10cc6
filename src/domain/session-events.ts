import type { Empathy, FinishedSession, Persona, Reflection, Written } from './session.ts';

/**
 * What a session's followers are told, in order. Events are not stored: they are derived from the session's rows,
 * always with the same numbers, so that a follower who comes late or again can be told exactly what it missed.
 */
export type SessionEvent = { readonly seq: number; readonly session_id: string } & (
  | { readonly status: 'starting' }
  | { readonly status: 'persona_created'; readonly data: Persona }
  | { readonly status: 'empathy_created'; readonly data: Empathy }
  | { readonly status: 'reflection_created'; readonly data: Reflection }
  | { readonly status: 'cards_created'; readonly data: { empathy: Empathy; reflection: Reflection } }
  | { readonly status: 'completed'; readonly data: FinishedSession }
  | { readonly status: 'failed'; readonly reason: FailureReason }
);

/**
 * What there is of a part that is being written. It has no number, is not kept, and is told to those alone who follow
 * at that moment; the part itself follows as an event.
 */
export interface StepDelta {
  readonly status: 'delta';
  readonly step: string;
  readonly session_id: string;
  readonly data: unknown;
  readonly seq?: never;
}

/** Why a session ended without a result, as its owner may know it. */
export const FAILURE_REASONS = ['step_failed', 'timeout', 'attempts_exhausted'] as const;
export type FailureReason = (typeof FAILURE_REASONS)[number];

/** A finished step with its output, in the order in which the steps finished. */
export interface StepOutput {
  readonly name: string;
  readonly output: unknown;
}

export type SessionEnd =
  | { readonly status: 'completed'; readonly session: FinishedSession }
  | { readonly status: 'failed'; readonly reason: FailureReason };

/** All events of a session so far: `steps` in the order in which they finished, `end` once it has ended. */
export function sessionEvents(
  sessionId: string,
  steps: readonly StepOutput[],
  end: SessionEnd | undefined,
): SessionEvent[] {
  const events: SessionEvent[] = [];
  // Each member of the union with `seq` and `session_id` filled in here, in one place.
  const add = (event: DistributiveOmit<SessionEvent, 'seq' | 'session_id'>) =>
    events.push({ ...event, seq: events.length + 1, session_id: sessionId } as SessionEvent);

  add({ status: 'starting' });
  let empathy: Empathy | undefined;
  let reflection: Reflection | undefined;
  for (const { name, output } of steps) {
    if (name === 'persona') add({ status: 'persona_created', data: (output as Written<Persona>).part });
    if (name === 'empathy') {
      empathy = (output as Written<Empathy>).part;
      add({ status: 'empathy_created', data: empathy });
    }
    if (name === 'reflection') {
      reflection = (output as Written<Reflection>).part;
      add({ status: 'reflection_created', data: reflection });
    }
    if ((name === 'empathy' || name === 'reflection') && empathy && reflection) {
      add({ status: 'cards_created', data: { empathy, reflection } });
    }
  }
  if (end?.status === 'completed') add({ status: 'completed', data: end.session });
  if (end?.status === 'failed') add({ status: 'failed', reason: end.reason });
  return events;
}

export function endsSession({ status }: SessionEvent): boolean {
  return status === 'completed' || status === 'failed';
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
