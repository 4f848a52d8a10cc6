import { z } from 'zod';
import type { Insight, Policy } from '../../../domain/corpus.ts';
import type { CardsBrief } from '../../../domain/ports.ts';
import { joinCards, NO_NEWS, type Reflection } from '../../../domain/session.ts';
import { contact, keyPoint, named } from '../../local/help-card.ts';
import { inHaeyo } from '../../local/register.ts';
import { dataBlock } from '../prompts/data-block.ts';
import { REFLECTION_RULES, SERVICE_RULES } from '../prompts/rules.ts';
import { userBlocks } from '../prompts/user-blocks.ts';
import type { Task } from '../task.ts';
import { line, prose, textsOf } from '../texts/answer-texts.ts';
import { textRules } from '../texts/text-rules.ts';
import { fittingInsights, fittingPolicies } from './material.ts';

/** The insight and the policies are numbers: what they say is ours, and is added as it stands. */
const answerSchema = z.object({
  title: line,
  insight: z.int(),
  key_message: prose,
  policies: z.array(z.int()).max(2),
  cards: z
    .array(z.object({ title: line, content: prose, key_points: z.array(line).min(1).max(4) }))
    .length(3),
});

export type ReflectionAnswer = z.infer<typeof answerSchema>;

interface Material {
  readonly insights: readonly Insight[];
  readonly policies: readonly Policy[];
}

export function reflectionTask(brief: CardsBrief): Task<ReflectionAnswer, Reflection> {
  const material = { insights: fittingInsights(brief), policies: fittingPolicies(brief) };
  const said = textsOf(material).map(({ text }) => text);
  const rules = textRules([...said, brief.topic.userContext ?? '']);
  return {
    name: 'reflection',
    startedAt: brief.startedAt,
    system: `${SERVICE_RULES}\n\n${REFLECTION_RULES}`,
    user: `${userBlocks(brief)}\n${insightBlocks(brief)}\n이 사람에게 건넬 성찰 카드 세 장을 써 주세요.`,
    schema: answerSchema,
    faultsOf: (answer) => [...rules.faultsOf(answer), ...rules.quoteFaultsOf(answer)],
    toResult: (answer) => toReflection(answer, material),
    toDelta({ insight, policies, ...soFar }) {
      const shown = rules.readable(soFar);
      return shown && { type: 'reflection', ...shown };
    },
  };
}

export function insightBlocks(brief: CardsBrief): string {
  const insights = fittingInsights(brief).map((insight, index) => ({
    번호: index + 1,
    사정: insight.problem,
    원인: insight.causes,
    해_볼_것: insight.solutions,
    곁의_사람: insight.supporters,
    먼저_지나온_이의_말: insight.peers,
    한마디: insight.keyMessage,
  }));
  const policies = fittingPolicies(brief).map(({ name, organization, summary }, index) => ({
    번호: index + 1,
    이름: name,
    기관: organization,
    내용: summary,
  }));
  return `${dataBlock('통찰', insights)}\n${dataBlock('제도', policies)}`;
}

/** @throws RangeError when there is no insight. */
function toReflection(answer: ReflectionAnswer, { insights, policies }: Material): Reflection {
  // The first one fits best: it stands in for a number that stands for nothing.
  const insight = insights[answer.insight - 1] ?? insights[0];
  if (!insight) throw new RangeError('no insight');
  const chosen = policies.filter((_, index) => answer.policies.includes(index + 1));
  const cards = answer.cards.map(({ title, content, key_points }, index) => {
    const services = index === 2 ? chosen : [];
    return {
      title,
      content: [content, ...services.map(serviceLine)].join('\n\n'),
      key_points: [...key_points, ...services.map(keyPoint)],
      ...NO_NEWS,
    };
  });
  const { problem, causes, solutions, supporters, peers } = insight;
  return {
    type: 'reflection',
    title: answer.title,
    content: joinCards(cards),
    key_message: answer.key_message,
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

function serviceLine(policy: Policy): string {
  return `${named(policy)}: ${inHaeyo(policy.summary)} (${contact(policy)})`;
}
