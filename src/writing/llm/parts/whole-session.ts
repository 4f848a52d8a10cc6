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

export interface WholeSession {
  readonly persona: Persona;
  readonly empathy: Empathy;
  readonly reflection: Reflection;
}

/** All three parts in one answer, for a provider that allows few calls a minute. */
export function wholeSessionTask(brief: CardsBrief): Task<WholeAnswer, WholeSession> {
  const [persona, empathy, reflection] = [personaTask(brief), empathyTask(brief), reflectionTask(brief)];
  return {
    name: 'session',
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
    faultsOf: (answer) => [
      ...persona.faultsOf(answer.persona),
      ...empathy.faultsOf(answer.empathy),
      ...reflection.faultsOf(answer.reflection),
    ],
    toResult: (answer) => ({
      persona: persona.toResult(answer.persona),
      empathy: empathy.toResult(answer.empathy),
      reflection: reflection.toResult(answer.reflection),
    }),
    toDelta: (soFar) => ({
      ...(soFar.persona ? { persona: persona.toDelta(soFar.persona) } : {}),
      ...(soFar.empathy ? { empathy: empathy.toDelta(soFar.empathy) } : {}),
      ...(soFar.reflection ? { reflection: reflection.toDelta(soFar.reflection) } : {}),
    }),
  };
}
