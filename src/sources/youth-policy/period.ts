import type { PolicyRecord } from './answer.ts';

/** `aplyPrdSeCd`: how long one may apply. */
const ALWAYS_OPEN = '0057002';
const CLOSED = '0057003';

/** The day before all days: for what is over, whatever its dates say. */
const OVER = '1900-01-01';

/**
 * The last day on which one may apply, as YYYY-MM-DD in Korea: the end of the last application period or of the whole
 * undertaking, whichever is first. Null when neither is known.
 */
export function openUntil({ aplyPrdSeCd, aplyYmd, bizPrdEndYmd }: PolicyRecord): string | null {
  if (aplyPrdSeCd === CLOSED) return OVER;
  const [lastApplication] = aplyPrdSeCd === ALWAYS_OPEN ? [] : ends(aplyYmd).sort().reverse();
  const days = [lastApplication, day(bizPrdEndYmd)].filter((found) => found !== undefined);
  return days.sort()[0] ?? null;
}

/** The ends of all periods in a text, "20260301 ~ 20260331" or "2026-03-01 ~ 2026-03-31" each. */
function ends(text: string): string[] {
  const periods = text.replace(/(?<=\d)[-./](?=\d)/g, '').matchAll(/\d{8}\s*~\s*(\d{8})(?!\d)/g);
  return [...periods].flatMap(([, end]) => day(end ?? '') ?? []);
}

/** Undefined for what is no day of the calendar. */
function day(digits: string): string | undefined {
  const [, year, month, date] = /^(\d{4})-?(\d{2})-?(\d{2})$/.exec(digits) ?? [];
  const iso = `${year}-${month}-${date}`;
  const time = Date.parse(iso);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(iso) && iso > OVER ? iso : undefined;
}
