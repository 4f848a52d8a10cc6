import type { Voice } from '../../domain/corpus.ts';
import type { CardsBrief } from '../../domain/ports.ts';
import { type Empathy, type EmpathyCard, joinCards, newsOf } from '../../domain/session.ts';
import { seedOf } from './choose.ts';
import { type Composer, composer } from './compose.ts';
import { EMOTIONS, type EmotionId } from './lexicon.ts';
import { type Names, namesFor } from './names.ts';
import * as company from './phrases/company.ts';
import * as effort from './phrases/effort.ts';
import { EMOTION_PHRASES } from './phrases/emotions.ts';
import * as feeling from './phrases/feeling.ts';
import { EFFORTS } from './phrases/situations.ts';
import { EMPATHY_TITLE } from './phrases/titles.ts';
import { topicPhrases } from './phrases/topics.ts';
import { chooseByFit } from './ranking.ts';
import { type Reading, readTopic } from './reading.ts';
import { inHaeyo } from './register.ts';

/** What the cards are written from, beside the voice of each. */
interface Material {
  readonly reading: Reading;
  readonly names: Names;
  /** The emotion in a word, or a word for any. */
  readonly keyword: string;
  /** Pools of what someone in the user's place has kept up, the likeliest first. */
  readonly efforts: readonly (readonly string[])[];
  readonly compose: Composer;
}

/**
 * Three cards from three angles: the feeling is allowed, others know it too, much has been kept up already.
 *
 * @throws RangeError when there are fewer than three voices.
 */
export function writeEmpathy(brief: CardsBrief): Empathy {
  const material = gather(brief);
  const [closest, second, third] = chooseVoices(brief, material.reading);
  const cards = [feelingCard(second, material), companyCard(closest, material), effortCard(third, material)];
  return {
    type: 'empathy',
    title: material.compose('title', EMPATHY_TITLE, { words: { keyword: material.keyword } }),
    content: joinCards(cards),
    emotion_keywords: [...new Set(cards.flatMap((card) => card.emotion_keywords))].slice(0, 5),
    quotes_used: cards.map(({ quote_text, speaker, news_id }) => ({ text: quote_text, speaker, news_id })),
    cards,
  };
}

function gather(brief: CardsBrief): Material {
  const { tagId } = brief.topic;
  const seed = seedOf(brief);
  const reading = readTopic(brief.topic);
  const compose = composer(seed, 'empathy');
  const [emotion] = reading.emotions;
  return {
    reading,
    names: namesFor(reading, tagId, seed),
    keyword: emotion === undefined ? ANY_EMOTION : EMOTIONS[emotion].keyword,
    efforts: [...reading.situations.map((id) => EFFORTS[id]), topicPhrases(tagId).efforts],
    compose,
  };
}

function chooseVoices(brief: CardsBrief, reading: Reading): [Voice, Voice, Voice] {
  const { topic, history, sources } = brief;
  const shown = new Set(history.shownQuotes);
  const [first, second, third] = chooseByFit(sources.voices, 3, {
    reading,
    seed: seedOf(brief),
    purpose: 'empathy.voices',
    traits: ({ text, echo, emotions, situations }) => ({ text: `${text} ${echo}`, emotions, situations }),
    isLast: ({ text }) => shown.has(text),
  });
  if (!first || !second || !third) throw new RangeError(`tag ${topic.tagId} has fewer than three voices`);
  return [first, second, third];
}

function feelingCard(voice: Voice, { reading, names, keyword, compose }: Material): EmpathyCard {
  const [emotion] = reading.emotions;
  const { situation } = names;
  const naming = compose('feeling.naming', feeling.NAMING, { words: { situation, emotion: names.emotion } });
  const allowing = emotion === undefined ? feeling.ALLOWING_ANY : EMOTION_PHRASES[emotion].allowing;
  const echo = inHaeyo(voice.echo);
  return card(voice, reading, {
    title: compose('feeling.title', feeling.TITLE, { words: { keyword } }),
    content: [
      `${naming} ${compose('feeling.allowing', [allowing], { after: naming })}`,
      `${echo} ${compose('feeling.closing', feeling.CLOSING, { after: echo })}`,
    ],
  });
}

function companyCard(voice: Voice, { reading, names, compose }: Material): EmpathyCard {
  const echo = inHaeyo(voice.echo);
  return card(voice, reading, {
    title: compose('company.title', company.TITLE),
    content: [
      `${compose('company.lead', company.LEAD, { words: { it: names.further[0] } })} “${voice.text}”`,
      `${echo} ${compose('company.closing', company.CLOSING, { after: echo })}`,
    ],
  });
}

function effortCard(voice: Voice, { reading, names, efforts, compose }: Material): EmpathyCard {
  const noticing = compose('effort.noticing', effort.NOTICING, { words: { it: names.further[1] } });
  const [likeliest = [], next = likeliest] = efforts;
  const first = compose('effort.first', [likeliest], { after: noticing });
  const second = compose('effort.second', [next.filter((effort) => effort !== first)], { after: first });
  const bridge = compose('effort.bridge', [effort.BRIDGES], {
    words: { voice: phraseOf(voice, names) },
    after: second,
  });
  return card(voice, reading, {
    title: compose('effort.title', effort.TITLE),
    content: [
      `${noticing} ${first} ${second}`,
      `${bridge} ${compose('effort.closing', effort.CLOSING, { after: bridge })}`,
    ],
  });
}

function card(
  voice: Voice,
  reading: Reading,
  { title, content }: { title: string; content: readonly string[] },
): EmpathyCard {
  return {
    title,
    content: content.join('\n\n'),
    quote_text: voice.text,
    speaker: voice.speaker,
    ...newsOf(voice),
    emotion_keywords: keywordsFor(voice, reading),
  };
}

/** A word for a feeling that has no name yet. */
const ANY_EMOTION = '마음';

/** What the user feels goes first, and of that what the voice shares; without it, what the voice feels. */
function keywordsFor(voice: Voice, { emotions }: Reading): string[] {
  const ofVoice = emotionsOf(voice);
  const shared = emotions.filter((id) => ofVoice.includes(id));
  const shown = [shared, emotions, ofVoice].find((ids) => ids.length > 0) ?? [];
  return shown.length === 0 ? [ANY_EMOTION] : shown.slice(0, 3).map((id) => EMOTIONS[id].keyword);
}

/** What the voice feels, by preference something that no card has named yet. */
function phraseOf(voice: Voice, { emotion, further }: Names): string {
  const phrases = emotionsOf(voice).map((id) => EMOTIONS[id].phrase);
  const named = new Set([emotion, ...further]);
  return phrases.find((phrase) => !named.has(phrase)) ?? phrases[0] ?? emotion;
}

/** A corpus may name emotions that the lexicon does not know. */
function emotionsOf({ emotions }: Voice): EmotionId[] {
  return emotions.filter((id): id is EmotionId => Object.hasOwn(EMOTIONS, id));
}
