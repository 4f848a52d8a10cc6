import type { PersonaBrief } from '../../domain/ports.ts';
import type { Persona } from '../../domain/session.ts';
import { seededOrder, seedOf } from './choose.ts';
import { composer } from './compose.ts';
import { namesFor } from './names.ts';
import { EMOTION_PHRASES } from './phrases/emotions.ts';
import * as phrases from './phrases/persona.ts';
import { topicPhrases } from './phrases/topics.ts';
import { type Reading, readTopic } from './reading.ts';

/** What was understood from the topic and the user's words, without claiming more than they hold. */
export function writePersona(brief: PersonaBrief): Persona {
  const { topic, history } = brief;
  const seed = seedOf(brief);
  const compose = composer(seed, 'persona');
  const reading = readTopic(topic);
  const { traits, needs, directions } = topicPhrases(topic.tagId);
  const { emotion, situation } = namesFor(reading, topic.tagId, seed);

  const summary = [
    compose('understood', [understood(reading)], { words: { emotion, situation } }),
    compose('coping', [phrases.COPING]),
    compose('talk', [talk(reading, history.lastPersona !== null)]),
  ];
  const ofEmotion = reading.emotions
    .slice(0, 1)
    .map((id) => compose('traits.emotion', [EMOTION_PHRASES[id].traits]));
  const ofTopic = seededOrder(seed, 'persona.traits', traits);
  return {
    depth: 'surface',
    depth_label: '초기 이해',
    summary: summary.join(' '),
    characteristics: [...ofEmotion, ...ofTopic].slice(0, 2).concat(compose('traits', [phrases.TRAITS])),
    needs: seededOrder(seed, 'persona.needs', needs).slice(0, 3),
    growth_direction: compose('direction', [directions]),
  };
}

function understood({ words, emotions, situations }: Reading): readonly string[] {
  if (words === null) return phrases.NOT_TOLD;
  return emotions.length + situations.length === 0 ? phrases.HARDLY_UNDERSTOOD : phrases.UNDERSTOOD;
}

function talk({ words }: Reading, returning: boolean): readonly string[] {
  if (returning) return phrases.RETURNING;
  return words === null ? phrases.FIRST_TALK_NOT_TOLD : phrases.FIRST_TALK;
}
