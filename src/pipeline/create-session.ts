import type { Lease, SessionRepository, SourceProvider, Writer } from '../domain/ports.ts';
import type { Topic } from '../domain/session-request.ts';
import { contextStep } from './context-step.ts';
import { empathyStep } from './empathy-step.ts';
import { Graph } from './graph.ts';
import { personaStep } from './persona-step.ts';
import { reflectionStep } from './reflection-step.ts';
import { type SaveStepDependencies, saveStep } from './save-step.ts';
import { sourcesStep } from './sources-step.ts';

export interface SessionInput {
  readonly lease: Lease;
  readonly userId: string;
  readonly topic: Topic;
  readonly variant: number;
  /** By `performance.now()`. */
  readonly startedAt: number;
}

export interface CreateSessionDependencies extends SaveStepDependencies {
  readonly sessions: Pick<SessionRepository, 'history'>;
  readonly sources: SourceProvider;
  readonly writer: Writer;
}

/** How a session comes about: what may run at the same time does. */
export function createSessionGraph({
  sessions,
  executions,
  sources,
  writer,
  now,
}: CreateSessionDependencies) {
  return Graph.from<SessionInput>('lease', 'userId', 'topic', 'variant', 'startedAt')
    .step('context', contextStep({ sessions }))
    .step('sources', sourcesStep({ sources }))
    .step('persona', personaStep({ writer }))
    .step('empathy', empathyStep({ writer }))
    .step('reflection', reflectionStep({ writer }))
    .step('save', saveStep({ executions, now }));
}

export type CreateSessionGraph = ReturnType<typeof createSessionGraph>;
