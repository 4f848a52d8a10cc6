import type { Insight } from '../../domain/corpus.ts';
import type { CardsBrief } from '../../domain/ports.ts';
import { joinCards, NO_NEWS, type Reflection, type ReflectionCard } from '../../domain/session.ts';
import { seededOrder, seedOf } from './choose.ts';
import { type Composer, composer } from './compose.ts';
import { enumerate } from './enumerate.ts';
import { helpCard } from './help-card.ts';
import { namesFor } from './names.ts';
import * as phrases from './phrases/reflection.ts';
import { chooseByFit } from './ranking.ts';
import { type Reading, readTopic } from './reading.ts';
import { inHaeyo } from './register.ts';

/**
 * Three cards: what is behind it, what might be tried, who can help.
 *
 * @throws RangeError when there is no insight.
 */
export function writeReflection(brief: CardsBrief): Reflection {
  const { topic, sources } = brief;
  const seed = seedOf(brief);
  const reading = readTopic(topic);
  const compose = composer(seed, 'reflection');
  const [main, other] = chooseInsights(brief, reading);

  const cards = [
    behindCard(main, namesFor(reading, topic.tagId, seed).situation, compose),
    stepsCard(main, other, seed, compose),
    helpCard({ insight: main, policies: sources.policies, reading, seed, compose }),
  ].map((card): ReflectionCard => ({ ...card, ...NO_NEWS }));
  const { title, keyMessage, problem, causes, solutions, supporters, peers } = main;
  return {
    type: 'reflection',
    title,
    content: joinCards(cards),
    key_message: keyMessage,
    insights: {
      problem,
      causes: [...causes],
      solutions: [...solutions],
      supporters: [...supporters],
      peers: [...peers],
    },
    cards,
  };
}

/** A card without the news that none has. */
type Card = Pick<ReflectionCard, 'title' | 'content' | 'key_points'>;

const MOST_KEY_POINTS = 4;

function chooseInsights(brief: CardsBrief, reading: Reading): [main: Insight, other: Insight] {
  const [main, other] = chooseByFit(brief.sources.insights, 2, {
    reading,
    seed: seedOf(brief),
    purpose: 'reflection.insights',
    traits: ({ problem, causes, emotions, situations }) => ({
      text: [problem, ...causes].join(' '),
      emotions,
      situations,
    }),
  });
  if (!main) throw new RangeError(`tag ${brief.topic.tagId} has no insight`);
  return [main, other ?? main];
}

function behindCard({ problem, causes }: Insight, situation: string, compose: Composer): Card {
  const opening = compose('behind.opening', [phrases.BEHIND_OPENINGS], { words: { situation } });
  const reasons = enumerate(causes, phrases.CAUSES, 'behind.causes', compose);
  return {
    title: compose('behind.title', [phrases.BEHIND_TITLES]),
    content: [
      `${opening} ${inHaeyo(problem)}`,
      `${reasons} ${compose('behind.closing', [phrases.BEHIND_CLOSINGS])}`,
    ].join('\n\n'),
    key_points: causes.slice(0, MOST_KEY_POINTS),
  };
}

/** Two of the main insight and one of the other, so that one insight does not always bring the same steps. */
function stepsCard(main: Insight, other: Insight, seed: string, compose: Composer): Card {
  const ofMain = seededOrder(seed, 'reflection.steps', main.solutions);
  const ofOther = seededOrder(seed, 'reflection.steps', other.solutions);
  const steps = [...new Set([...ofMain.slice(0, 2), ...ofOther, ...ofMain])].slice(0, 3);
  const listed = enumerate(steps.map(quoted), phrases.STEPS, 'steps', compose);
  return {
    title: compose('steps.title', [phrases.STEP_TITLES]),
    content: [
      `${compose('steps.opening', [phrases.STEP_OPENINGS])} ${listed}`,
      compose('steps.closing', [phrases.STEP_CLOSINGS]),
    ].join('\n\n'),
    key_points: steps,
  };
}

/** Steps are long: without marks it is hard to see where one ends. Quotations inside get the other kind. */
function quoted(step: string): string {
  return `‘${step.replace(/['‘]([^'’]*)['’]/g, '“$1”')}’`;
}
