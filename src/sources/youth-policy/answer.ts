import { z } from 'zod';
import { SourceFault } from '../source-fault.ts';

/**
 * What `getPlcy` answers with `rtnType=json`. Nearly every value is a string, numbers too; what is unknown is an empty
 * string, or spaces. A fault has HTTP status 200 and its own `resultCode`, with `result: null`.
 */

/** Numbers arrive as strings, and sometimes not. */
const word = z.union([z.string(), z.number()]).transform((value) => String(value).trim());
const needed = word.refine((value) => value !== '');
/** What cannot be read counts as not said. */
const optional = word.catch('');
const age = z.coerce.number().int().min(0).max(150).catch(0);

export const policyRecordSchema = z.object({
  plcyNo: word.refine((value) => /^[\w-]{1,40}$/.test(value)),
  plcyNm: needed,
  plcyExplnCn: optional,
  plcySprtCn: optional,
  /** Middle categories and keywords, each a closed set of the API, several separated by commas. */
  mclsfNm: optional,
  plcyKywdNm: optional,
  /** Who is in charge, who carries it out, who entered it. */
  sprvsnInstCdNm: optional,
  operInstCdNm: optional,
  rgtrInstCdNm: optional,
  pvsnInstGroupCd: optional,
  plcyAprvSttsCd: optional,
  /** Such as "20260301 ~ 20260331", several separated by a literal `\N`; empty when it is always open. */
  aplyYmd: optional,
  aplyPrdSeCd: optional,
  bizPrdEndYmd: optional,
  /** Years; 0 and 0 when there is no limit. */
  sprtTrgtMinAge: age,
  sprtTrgtMaxAge: age,
  aplyUrlAddr: optional,
  refUrlAddr1: optional,
  refUrlAddr2: optional,
});

export type PolicyRecord = z.infer<typeof policyRecordSchema>;

export interface PolicyPage {
  /** Policies that there are in all. */
  readonly totalCount: number;
  /** Records on this page, broken ones among them. */
  readonly count: number;
  readonly records: readonly PolicyRecord[];
}

const codeSchema = z.object({ resultCode: z.coerce.number() });

const pageSchema = z.object({
  result: z.object({
    pagging: z.object({ totCount: z.coerce.number().int().min(0) }),
    youthPolicyList: z
      .array(z.unknown())
      .nullish()
      .transform((list) => list ?? []),
  }),
});

/**
 * Reads one page. A record that cannot be read is left out, and counted by the difference of `count` and `records`.
 *
 * @param retryAfterMs what the answer's header says, for the fault that it may be.
 * @throws {SourceFault} when the answer is not a page.
 */
export function readPage(body: string, retryAfterMs?: number): PolicyPage {
  const answer = parseJson(body);
  const code = codeSchema.safeParse(answer);
  if (!code.success) throw new SourceFault('bad_answer');
  if (code.data.resultCode !== 200) throw faultOfStatus(code.data.resultCode, retryAfterMs);
  const page = pageSchema.safeParse(answer);
  if (!page.success) throw new SourceFault('bad_answer');
  const { pagging, youthPolicyList } = page.data.result;
  const read = youthPolicyList.map((record) => policyRecordSchema.safeParse(record));
  return {
    totalCount: pagging.totCount,
    count: read.length,
    records: read.flatMap(({ data }) => data ?? []),
  };
}

/** The API's own codes are those of HTTP. */
export function faultOfStatus(status: number, retryAfterMs?: number): SourceFault {
  if (status === 429) return new SourceFault('limited', { retryAfterMs });
  if (status >= 500 || status === 408) return new SourceFault('server_error', { retryAfterMs });
  return new SourceFault(status >= 400 ? 'refused' : 'bad_answer');
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    // Without the cause: a syntax error quotes what it could not read.
    throw new SourceFault('bad_answer');
  }
}
