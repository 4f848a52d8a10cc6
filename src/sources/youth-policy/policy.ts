import type { SyncedPolicy } from '../../domain/corpus.ts';
import type { PolicyRecord } from './answer.ts';
import { openUntil } from './period.ts';
import { tagsOf } from './topics.ts';
import { nameOf, summaryOf } from './wording.ts';

/** Years that the Framework Act on Youth (청년기본법) calls young: what is for nobody of them is not for our users. */
const YOUNGEST = 19;
const OLDEST = 34;

/** `plcyAprvSttsCd` and `pvsnInstGroupCd`. */
const APPROVED = '0044002';
const CENTRAL_GOVERNMENT = '0054001';

const LONGEST_ORGANIZATION = 30;
/** Characters: a longer address would fill its card. */
const LONGEST_LINK = 120;

const DETAIL_PAGE = 'https://www.youthcenter.go.kr/youthPolicy/ythPlcyTotalSearch/ythPlcyDetail/';

/**
 * A record as a policy to tell users of; undefined when it is none for them: over, not approved, for other ages, about
 * something else, without a word of what it is, or of one town (nobody knows where a user lives, and help that is not
 * theirs is worse than none).
 *
 * @param today as YYYY-MM-DD in Korea.
 */
export function toPolicy(record: PolicyRecord, today: string): SyncedPolicy | undefined {
  const { plcyNo, plcyNm, plcyExplnCn, plcySprtCn, plcyAprvSttsCd, pvsnInstGroupCd } = record;
  if (plcyAprvSttsCd !== '' && plcyAprvSttsCd !== APPROVED) return undefined;
  if (pvsnInstGroupCd !== CENTRAL_GOVERNMENT || !isForTheYoung(record)) return undefined;
  const until = openUntil(record);
  if (until !== null && until < today) return undefined;

  const tagIds = tagsOf(record);
  const name = nameOf(plcyNm);
  const organization = organizationOf(record);
  const summary = summaryOf(plcyExplnCn, plcySprtCn);
  if (tagIds.length === 0 || name === '' || organization === undefined || summary === undefined)
    return undefined;
  return { policyNo: plcyNo, tagIds, name, organization, summary, link: linkOf(record), openUntil: until };
}

function isForTheYoung({ sprtTrgtMinAge: youngest, sprtTrgtMaxAge: oldest }: PolicyRecord): boolean {
  return youngest <= OLDEST && (oldest === 0 || oldest >= YOUNGEST);
}

function organizationOf({ sprvsnInstCdNm, operInstCdNm, rgtrInstCdNm }: PolicyRecord): string | undefined {
  return [sprvsnInstCdNm, operInstCdNm, rgtrInstCdNm]
    .map(nameOf)
    .find((name) => name !== '' && name.length <= LONGEST_ORGANIZATION);
}

/** Where to apply, or where more is written; else the policy's own page at 온통청년. */
function linkOf({ plcyNo, aplyUrlAddr, refUrlAddr1, refUrlAddr2 }: PolicyRecord): string {
  const links = [aplyUrlAddr, refUrlAddr1, refUrlAddr2].flatMap((text) => webAddress(text) ?? []);
  return links[0] ?? `${DETAIL_PAGE}${plcyNo}`;
}

function webAddress(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
    return undefined;
  return url.hostname.includes('.') && url.href.length <= LONGEST_LINK ? url.href : undefined;
}
