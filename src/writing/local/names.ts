import { seededPicker } from './choose.ts';
import { EMOTIONS, SITUATIONS } from './lexicon.ts';
import { topicPhrases } from './phrases/topics.ts';
import type { Reading } from './reading.ts';

/** Noun phrases that name what the user lives with, in words of our own. */
export interface Names {
  readonly emotion: string;
  readonly situation: string;
  /** More of either kind, so that a later sentence need not name the same thing again. */
  readonly further: readonly [string, string];
}

const UNNAMED_EMOTIONS = [
  '말로 다 하기 어려운 마음',
  '이름 붙이기 어려운 마음',
  '쉽게 가라앉지 않는 마음',
  '무어라 설명하기 어려운 무거움',
  '꺼내 놓기 조심스러운 마음',
  '속으로만 되뇌던 마음',
  '좀처럼 가벼워지지 않는 마음',
  '아무에게도 말하지 못한 마음',
];

/** What the lexicon did not find is filled from the topic, which the user chose. */
export function namesFor(reading: Reading, tagId: number, seed: string): Names {
  const { situations } = topicPhrases(tagId);
  const start = seededPicker(seed, 'names.topic')(situations.map((_, index) => index));
  const ofTopic = [...situations.slice(start), ...situations.slice(0, start)];
  const emotions = reading.emotions.map((id) => EMOTIONS[id].phrase);
  const found = reading.situations.map((id) => SITUATIONS[id].phrase);

  const emotion = emotions[0] ?? seededPicker(seed, 'names.emotion')(UNNAMED_EMOTIONS);
  const situation = found[0] ?? ofTopic.shift() ?? emotion;
  const rest = [...found.slice(1), ...emotions.slice(1), ...ofTopic];
  return { emotion, situation, further: [rest[0] ?? situation, rest[1] ?? emotion] };
}
