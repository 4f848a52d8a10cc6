import type { SourceProvider, Writer } from '../../domain/ports.ts';
import type { Written } from '../../domain/session.ts';
import type { Ask } from './ask.ts';
import { empathyTask } from './parts/empathy.ts';
import { personaTask } from './parts/persona.ts';
import { reflectionTask } from './parts/reflection.ts';
import { wholeSessionTasks } from './parts/whole-session.ts';

/** A call to the model for each part. @throws {ModelError} when the model fails for good. */
export function createLlmWriter(ask: Ask): Writer {
  return {
    persona: async (brief, ...rest) => whole(await ask(personaTask(brief), ...rest)),
    empathy: async (brief, ...rest) => whole(await ask(empathyTask(brief), ...rest)),
    reflection: async (brief, ...rest) => whole(await ask(reflectionTask(brief), ...rest)),
  };
}

/**
 * One call for all three parts: each method asks for the same, and calls that ask for the same are joined. The persona
 * is asked for before the sources are there, so it looks them up.
 */
export function createSingleCallWriter(ask: Ask, sources: SourceProvider): Writer {
  return {
    async persona(brief, ...rest) {
      const withSources = { ...brief, sources: await sources.forTag(brief.topic.tagId) };
      return whole(await ask(wholeSessionTasks(withSources).persona, ...rest));
    },
    empathy: async (brief, ...rest) => whole(await ask(wholeSessionTasks(brief).empathy, ...rest)),
    reflection: async (brief, ...rest) => whole(await ask(wholeSessionTasks(brief).reflection, ...rest)),
  };
}

function whole<Part>(part: Part): Written<Part> {
  return { part, degraded: false };
}
