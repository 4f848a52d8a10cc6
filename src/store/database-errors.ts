/**
 * Connection faults: Postgres's own codes of class 08 and 57P, a statement over its time (57014), too many
 * connections (53300), and Node's for sockets.
 */
const UNAVAILABLE_CODES = /^(08|57P|57014|53300|ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH)/;

/** Neither pg nor knex gives these a code; knex puts the statement before the message. */
const UNAVAILABLE_MESSAGES =
  /(^| - )(Connection terminated|Connection ended|timeout expired|timeout exceeded when trying|Query read timeout|Client has encountered)/;

/** Whether the database could not be reached, so that the same call may work later. */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = (error as { code?: unknown }).code;
  if (typeof code === 'string' && UNAVAILABLE_CODES.test(code)) return true;
  if (error.name === 'KnexTimeoutError' || UNAVAILABLE_MESSAGES.test(error.message)) return true;
  if (error instanceof AggregateError) return error.errors.some(isDatabaseUnavailable);
  return error.cause !== undefined && isDatabaseUnavailable(error.cause);
}
