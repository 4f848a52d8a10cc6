import { z } from 'zod';
import type { Voice } from '../../../domain/corpus.ts';
import type { CardsBrief } from '../../../domain/ports.ts';
import { type Empathy, joinCards, newsOf } from '../../../domain/session.ts';
import { dataBlock } from '../prompts/data-block.ts';
import { EMPATHY_RULES, SERVICE_RULES } from '../prompts/rules.ts';
import { userBlocks } from '../prompts/user-blocks.ts';
import type { Task } from '../task.ts';
import { line, prose } from '../texts/answer-texts.ts';
import { keepQuotes } from '../texts/quotations.ts';
import { textRules } from '../texts/text-rules.ts';
import { fittingVoices } from './material.ts';

/** A quote is a number: the model cannot change or invent what somebody is shown to have said. */
const answerSchema = z.object({
  title: line,
  emotion_keywords: z.array(line).min(1).max(5),
  cards: z
    .array(
      z.object({
        title: line,
        voice: z.int(),
        content: prose,
        emotion_keywords: z.array(line).min(1).max(3),
      }),
    )
    .length(3),
});

export type EmpathyAnswer = z.infer<typeof answerSchema>;

export function empathyTask(brief: CardsBrief): Task<EmpathyAnswer, Empathy> {
  const voices = fittingVoices(brief);
  const sources = sayings(brief, voices);
  const rules = textRules(sources);
  return {
    name: 'empathy',
    startedAt: brief.startedAt,
    system: `${SERVICE_RULES}\n\n${EMPATHY_RULES}`,
    user: `${userBlocks(brief)}\n${voiceBlock(voices)}\n이 사람에게 건넬 공감 카드 세 장을 써 주세요.`,
    schema: answerSchema,
    faultsOf: (answer) => [...rules.faultsOf(answer), ...rules.quoteFaultsOf(withoutContents(answer))],
    toResult: (answer) => toEmpathy(answer, voices, sources),
    toDelta(soFar) {
      const shown = rules.readable(soFar);
      if (shown === undefined) return undefined;
      const { cards, ...rest } = shown;
      return {
        type: 'empathy',
        ...rest,
        ...(cards === undefined
          ? {}
          : { cards: cards.map((card, index) => toCardSoFar(card, index, cards, voices)) }),
      };
    },
  };
}

export function voiceBlock(voices: readonly Voice[]): string {
  return dataBlock(
    '목소리',
    voices.map(({ text, speaker, echo }, index) => ({
      번호: index + 1,
      말: text,
      화자: speaker,
      헤아림: echo,
    })),
  );
}

/** A made-up quotation in the text of a card gives way to that of its voice; elsewhere there is none to put there. */
function withoutContents({ cards, ...answer }: EmpathyAnswer): object {
  return { ...answer, cards: cards.map(({ content, ...card }) => card) };
}

/** Who may be quoted: the voices, and the user themselves. */
function sayings({ topic }: CardsBrief, voices: readonly Voice[]): string[] {
  return [...voices.flatMap(({ text, echo }) => [text, echo]), topic.userContext ?? ''];
}

/** @throws RangeError when there are fewer than three voices. */
function toEmpathy(answer: EmpathyAnswer, voices: readonly Voice[], allowed: readonly string[]): Empathy {
  const chosen = distinctVoices(
    answer.cards.map(({ voice }) => voice),
    voices,
  );
  const cards = answer.cards.map(({ title, content, emotion_keywords }, index) => {
    const voice = chosen[index];
    if (!voice) throw new RangeError(`no voice for card ${index + 1}`);
    return {
      title,
      content: keepQuotes(content, allowed, voice.text),
      quote_text: voice.text,
      speaker: voice.speaker,
      ...newsOf(voice),
      emotion_keywords,
    };
  });
  return {
    type: 'empathy',
    title: answer.title,
    content: joinCards(cards),
    emotion_keywords: answer.emotion_keywords,
    quotes_used: cards.map(({ quote_text, speaker, news_id }) => ({ text: quote_text, speaker, news_id })),
    cards,
  };
}

/** What the numbers stand for. One that stands for nothing, or for the same again, becomes the best that is left. */
function distinctVoices(numbers: readonly number[], voices: readonly Voice[]): Voice[] {
  const wanted = numbers.map((number) => voices[number - 1]);
  const left = voices.filter((voice) => !wanted.includes(voice));
  const chosen: Voice[] = [];
  for (const voice of wanted) {
    const next = voice && !chosen.includes(voice) ? voice : left.shift();
    if (next) chosen.push(next);
  }
  return chosen;
}

type CardSoFar = Parameters<Task<EmpathyAnswer, Empathy>['toDelta']>[0]['cards'] extends
  | readonly (infer Card)[]
  | undefined
  ? Card
  : never;

/** Once the text has begun, the number before it is whole. One that comes again will be another's. */
function toCardSoFar(
  { voice: number, ...soFar }: CardSoFar,
  index: number,
  cards: readonly CardSoFar[],
  voices: readonly Voice[],
) {
  const isFirst = cards.findIndex((card) => card.voice === number) === index;
  const voice =
    soFar.content === undefined || number === undefined || !isFirst ? undefined : voices[number - 1];
  return voice ? { ...soFar, quote_text: voice.text, speaker: voice.speaker } : soFar;
}
