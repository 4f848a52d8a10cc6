/** SQL. Policies are open to the end of a day, and the day is Korea's. */
export const TODAY_IN_KOREA = `(now() at time zone 'Asia/Seoul')::date`;
