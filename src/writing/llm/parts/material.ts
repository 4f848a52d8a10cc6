import type { Insight, Policy, Voice } from '../../../domain/corpus.ts';
import type { CardsBrief } from '../../../domain/ports.ts';
import { seedOf } from '../../local/choose.ts';
import { readFeelings } from '../../local/lexicon.ts';
import { chooseByFit } from '../../local/ranking.ts';
import { readTopic } from '../../local/reading.ts';

/** What the model may draw from, the most fitting first. All of a tag would only be paid for and read over. */

const VOICES = 8;
const INSIGHTS = 4;
const POLICIES = 4;

export function fittingVoices(brief: CardsBrief): Voice[] {
  const shown = new Set(brief.history.shownQuotes);
  return chooseByFit(brief.sources.voices, VOICES, {
    ...ranking(brief, 'voices'),
    traits: ({ text, echo, emotions, situations }) => ({ text: `${text} ${echo}`, emotions, situations }),
    isLast: ({ text }) => shown.has(text),
  });
}

export function fittingInsights(brief: CardsBrief): Insight[] {
  return chooseByFit(brief.sources.insights, INSIGHTS, {
    ...ranking(brief, 'insights'),
    traits: ({ problem, causes, emotions, situations }) => ({
      text: [problem, ...causes].join(' '),
      emotions,
      situations,
    }),
  });
}

export function fittingPolicies(brief: CardsBrief): Policy[] {
  return chooseByFit(brief.sources.policies, POLICIES, {
    ...ranking(brief, 'policies'),
    traits: ({ name, summary }) => ({ text: `${name} ${summary}`, ...readFeelings(`${name} ${summary}`) }),
  });
}

function ranking(brief: CardsBrief, purpose: string) {
  return { reading: readTopic(brief.topic), seed: seedOf(brief), purpose: `llm.${purpose}` };
}
