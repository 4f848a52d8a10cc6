import type { PersonaBrief } from '../../../domain/ports.ts';
import { TAG_TREE } from '../../../domain/tags.ts';
import { dataBlock } from './data-block.ts';

/** What is known of the user: what they chose, what was understood the last time, what they wrote. */
export function userBlocks({ topic, history }: PersonaBrief): string {
  return [
    dataBlock('주제', nameOf(topic.tagId)),
    dataBlock('지난_이해', history.lastPersona),
    dataBlock('사용자의_글', topic.userContext),
  ].join('\n');
}

function nameOf(tagId: number): string {
  const major = TAG_TREE.find(({ minors }) => minors.some(({ id }) => id === tagId));
  const minor = major?.minors.find(({ id }) => id === tagId);
  if (!major || !minor) throw new RangeError(`no minor tag ${tagId}`);
  return `${major.name} - ${minor.name}`;
}
