import { z } from 'zod';
import type { PersonaBrief } from '../../../domain/ports.ts';
import type { Persona } from '../../../domain/session.ts';
import { PERSONA_RULES, SERVICE_RULES } from '../prompts/rules.ts';
import { userBlocks } from '../prompts/user-blocks.ts';
import type { Task } from '../task.ts';
import { commonFaults, words } from './answer-texts.ts';
import { quoteFaults } from './keep-quotes.ts';

/** In the order in which it is to be read while it is written. */
const answerSchema = z.object({
  summary: words,
  characteristics: z.array(words).min(2).max(4),
  needs: z.array(words).min(2).max(4),
  growth_direction: words,
});

export type PersonaAnswer = z.infer<typeof answerSchema>;

/** How deeply the service knows the user is for us to say. */
const DEPTH = { depth: 'surface', depth_label: '초기 이해' } as const;

export function personaTask(brief: PersonaBrief): Task<PersonaAnswer, Persona> {
  return {
    name: 'persona',
    system: `${SERVICE_RULES}\n\n${PERSONA_RULES}`,
    user: `${userBlocks(brief)}\n이 사람을 이해한 모습을 써 주세요.`,
    schema: answerSchema,
    faultsOf: (answer) => [
      ...commonFaults(answer, []),
      ...quoteFaults(answer, [brief.topic.userContext ?? '']),
    ],
    toResult: (answer) => ({ ...DEPTH, ...answer }),
    toDelta: (soFar) => ({ ...DEPTH, ...soFar }),
  };
}
