import { z } from 'zod';
import type { PersonaBrief } from '../../../domain/ports.ts';
import type { Persona } from '../../../domain/session.ts';
import { PERSONA_RULES, SERVICE_RULES } from '../prompts/rules.ts';
import { userBlocks } from '../prompts/user-blocks.ts';
import type { Task } from '../task.ts';
import { line, prose } from '../texts/answer-texts.ts';
import { textRules } from '../texts/text-rules.ts';

/** In the order in which it is to be read while it is written. */
const answerSchema = z.object({
  summary: prose,
  characteristics: z.array(line).min(2).max(4),
  needs: z.array(line).min(2).max(4),
  growth_direction: prose,
});

export type PersonaAnswer = z.infer<typeof answerSchema>;

/** How deeply the service knows the user is for us to say. */
const DEPTH = { depth: 'surface', depth_label: '초기 이해' } as const;

export function personaTask(brief: PersonaBrief): Task<PersonaAnswer, Persona> {
  const rules = textRules([brief.topic.userContext ?? '']);
  return {
    name: 'persona',
    startedAt: brief.startedAt,
    system: `${SERVICE_RULES}\n\n${PERSONA_RULES}`,
    user: `${userBlocks(brief)}\n이 사람을 이해한 모습을 써 주세요.`,
    schema: answerSchema,
    faultsOf: (answer) => [...rules.faultsOf(answer), ...rules.quoteFaultsOf(answer)],
    toResult: (answer) => ({ ...DEPTH, ...answer }),
    toDelta(soFar) {
      const shown = rules.readable(soFar);
      return shown && { ...DEPTH, ...shown };
    },
  };
}
