import type { Topic } from '../../domain/session-request.ts';
import { type EmotionId, readFeelings, type SituationId } from './lexicon.ts';

/** What was found in the user's words; nothing when they wrote nothing, or nothing that the lexicon knows. */
export interface Reading {
  readonly words: string | null;
  readonly emotions: readonly EmotionId[];
  readonly situations: readonly SituationId[];
}

export function readTopic({ userContext }: Topic): Reading {
  const words = userContext?.normalize('NFC').trim() || null;
  return { words, ...readFeelings(words ?? '') };
}
