import { z } from 'zod';
import type { CardsBrief } from '../../../domain/ports.ts';
import type { Empathy, Persona, Reflection } from '../../../domain/session.ts';
import { EMPATHY_RULES, PERSONA_RULES, REFLECTION_RULES, SERVICE_RULES } from '../prompts/rules.ts';
import { userBlocks } from '../prompts/user-blocks.ts';
import type { Task } from '../task.ts';
import { type EmpathyAnswer, empathyTask, voiceBlock } from './empathy.ts';
import { fittingVoices } from './material.ts';
import { type PersonaAnswer, personaTask } from './persona.ts';
import { insightBlocks, type ReflectionAnswer, reflectionTask } from './reflection.ts';

export interface WholeAnswer {
  readonly persona: PersonaAnswer;
  readonly empathy: EmpathyAnswer;
  readonly reflection: ReflectionAnswer;
}

/**
 * All three parts in one answer, for a provider that allows few calls a minute: each task takes its own part of it.
 * They ask for the same, so that their calls are joined.
 */
export function wholeSessionTasks(brief: CardsBrief) {
  const [persona, empathy, reflection] = [personaTask(brief), empathyTask(brief), reflectionTask(brief)];
  const whole = {
    name: 'session',
    startedAt: brief.startedAt,
    system: [SERVICE_RULES, PERSONA_RULES, EMPATHY_RULES, REFLECTION_RULES].join('\n\n'),
    user: [
      userBlocks(brief),
      voiceBlock(fittingVoices(brief)),
      insightBlocks(brief),
      '이 사람을 이해한 모습(persona), 공감 카드(empathy), 성찰 카드(reflection)를 차례로 써 주세요.',
    ].join('\n'),
    schema: z.object({
      persona: persona.schema,
      empathy: empathy.schema,
      reflection: reflection.schema,
    }),
    faultsOf: (answer: WholeAnswer) => [
      ...persona.faultsOf(answer.persona),
      ...empathy.faultsOf(answer.empathy),
      ...reflection.faultsOf(answer.reflection),
    ],
  };
  return {
    persona: {
      ...whole,
      toResult: (answer) => persona.toResult(answer.persona),
      toDelta: (soFar) => soFar.persona && persona.toDelta(soFar.persona),
    } satisfies Task<WholeAnswer, Persona>,
    empathy: {
      ...whole,
      toResult: (answer) => empathy.toResult(answer.empathy),
      toDelta: (soFar) => soFar.empathy && empathy.toDelta(soFar.empathy),
    } satisfies Task<WholeAnswer, Empathy>,
    reflection: {
      ...whole,
      toResult: (answer) => reflection.toResult(answer.reflection),
      toDelta: (soFar) => soFar.reflection && reflection.toDelta(soFar.reflection),
    } satisfies Task<WholeAnswer, Reflection>,
  };
}
