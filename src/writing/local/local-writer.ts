import type { Writer } from '../../domain/ports.ts';
import { writeEmpathy } from './empathy.ts';
import { writePersona } from './persona.ts';
import { writeReflection } from './reflection.ts';

/** Composes from the corpus and phrases of our own, without I/O. The same brief gives the same words. */
export function createLocalWriter(): Writer {
  return {
    async persona(brief, signal) {
      signal.throwIfAborted();
      return { part: writePersona(brief), degraded: false };
    },
    async empathy(brief, signal) {
      signal.throwIfAborted();
      return { part: writeEmpathy(brief), degraded: false };
    },
    async reflection(brief, signal) {
      signal.throwIfAborted();
      return { part: writeReflection(brief), degraded: false };
    },
  };
}
