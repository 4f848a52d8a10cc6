import type { Insight, Policy } from '../../domain/corpus.ts';
import type { ReflectionCard } from '../../domain/session.ts';
import { seededOrder } from './choose.ts';
import type { Composer } from './compose.ts';
import { enumerate } from './enumerate.ts';
import { readFeelings } from './lexicon.ts';
import * as phrases from './phrases/reflection.ts';
import { chooseByFit } from './ranking.ts';
import type { Reading } from './reading.ts';
import { inHaeyo } from './register.ts';

/** What a card can hold and still be read, in characters. */
const LONGEST_CONTENT = 500;

interface Material {
  readonly insight: Insight;
  readonly policies: readonly Policy[];
  readonly reading: Reading;
  readonly seed: string;
  readonly compose: Composer;
}

type Card = Pick<ReflectionCard, 'title' | 'content' | 'key_points'>;

/** Who can help: people nearby, others who went through it, one or two public services with their numbers. */
export function helpCard(material: Material): Card {
  const policies = choosePolicies(material);
  const shortest = draft(material, policies.slice(0, 1), { withPeer: false });
  const drafts = [
    draft(material, policies, { withPeer: true }),
    draft(material, policies.slice(0, 1), { withPeer: true }),
  ];
  return drafts.find(({ content }) => content.length <= LONGEST_CONTENT) ?? shortest;
}

function draft(
  { insight, seed, compose }: Material,
  policies: readonly Policy[],
  { withPeer }: { withPeer: boolean },
): Card {
  const people = enumerate(insight.supporters, phrases.SUPPORTERS, 'help.supporters', compose);
  const [peer] = seededOrder(seed, 'reflection.peer', insight.peers);
  const story = withPeer && peer ? [compose('help.peer', [phrases.PEER_LEADS]), reported(peer)] : [];
  const services = policies.map((policy, index) => {
    const intro = compose(
      `help.policy.${index}`,
      [index === 0 ? phrases.FIRST_POLICIES : phrases.SECOND_POLICIES],
      { words: { policy: named(policy) } },
    );
    return `${intro} ${described(policy, compose, index)} (${contact(policy)})`;
  });
  return {
    title: compose('help.title', [phrases.HELP_TITLES]),
    content: [
      [people, ...story].join(' '),
      ...services,
      compose('help.closing', [closingsFor(policies)]),
    ].join('\n\n'),
    key_points: [...insight.supporters.slice(0, 2), ...policies.map(keyPoint)],
  };
}

/** Policies carry no emotions or situations: what their own words speak of stands in for them. */
function choosePolicies({ insight, policies, reading, seed }: Material): Policy[] {
  return chooseByFit(policies, 2, {
    reading: {
      words: reading.words,
      emotions: [...reading.emotions, ...insight.emotions],
      situations: [...reading.situations, ...insight.situations],
    },
    seed,
    purpose: 'reflection.policies',
    traits: ({ name, summary }) => ({ text: `${name} ${summary}`, ...readFeelings(`${name} ${summary}`) }),
  });
}

/** A peer's words end as a plain statement or as one already reported. */
function reported(peer: string): string {
  return peer.endsWith('다') ? `${peer}고 해요.` : `${peer}.`;
}

/** Offices write notes that end in a noun, which are quoted: no rule makes sentences of them. */
function described({ summary }: Policy, compose: Composer, index: number): string {
  if (/([다요][.]|니다|[어아해돼여세예에]요)$/u.test(summary))
    return inHaeyo(summary).replace(/(?<![.])$/, '.');
  const note = `‘${summary.replace(/[.]$/, '')}’`;
  return compose(`help.policy.${index}.note`, [phrases.POLICY_NOTES], { words: { note } });
}

/** What speaks of calling and telling does not fit where there is nobody to call. */
function closingsFor(policies: readonly Policy[]): readonly string[] {
  if (policies.length === 0) return phrases.HELP_CLOSINGS_WITHOUT_POLICY;
  return policies.some(({ phone }) => phone !== null)
    ? phrases.HELP_CLOSINGS
    : phrases.HELP_CLOSINGS_WITHOUT_PHONE;
}

export function named({ name, organization }: Policy): string {
  return name.includes(organization) ? `‘${name}’` : `${organization}의 ‘${name}’`;
}

export function contact({ phone, link }: Policy): string {
  return phone === null ? link : `전화 ${phone}, ${link}`;
}

export function keyPoint({ name, phone }: Policy): string {
  return phone === null || name.includes(phone) ? name : `${name} ${phone}`;
}
