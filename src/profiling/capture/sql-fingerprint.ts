/** Characters of a statement that are looked at; a longer one is as good as identified by then. */
const LOOKED_AT = 8_192;
/** Statements whose fingerprint is remembered: a service has some hundreds. */
const REMEMBERED = 1_000;

const remembered = new Map<string, string>();

/**
 * String literals of Postgres (a backslash escapes in `E'…'` alone), quoted identifiers and comments; then parameters
 * and numbers.
 */
const TOKENS =
  /\$([a-z_]*)\$.*?\$\1\$|\be'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*.*?\*\/|\$\d+|(?<![\w.])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?\b/gis;

/**
 * The statement without its values: literals and parameters become `?`, lists of them one, comments and extra space
 * go. Two calls that differ in values alone have the same fingerprint.
 *
 * Only a statement that holds no values is remembered, so that nothing of a user stays in memory here.
 */
export function fingerprintSql(text: string): string {
  const known = remembered.get(text);
  if (known !== undefined) return known;
  let hasValues = text.length > LOOKED_AT;
  const fingerprint = text
    .slice(0, LOOKED_AT)
    .replace(TOKENS, (token) => {
      if (token.startsWith('"')) return token;
      if (token.startsWith('--') || token.startsWith('/*')) return ' ';
      if (!/^\$\d/.test(token)) hasValues = true;
      return '?';
    })
    // A literal that was cut off, or never closed, must not stay either.
    .replace(/'.*$/s, '?')
    .replace(/\s+/g, ' ')
    .replace(/\(\s*\?(?:\s*,\s*\?)+\s*\)/g, '(?)')
    .replace(/\(\?\)(?:\s*,\s*\(\?\))+/g, '(?)')
    .trim();
  if (!hasValues) {
    if (remembered.size >= REMEMBERED) remembered.clear();
    remembered.set(text, fingerprint);
  }
  return fingerprint;
}

/** What a statement does to which tables, as far as its text tells. */
export interface StatementEffect {
  /** `SELECT things`: what it does to its first table, as the semantic conventions name a statement. */
  readonly summary: string;
  readonly reads: boolean;
  /** Undefined when it writes, and where cannot be told. */
  readonly tables: readonly string[] | undefined;
}

const READ = /^\(*\s*(select|with|table|values)\b/i;
const WRITES_OR_LOCKS =
  /\b(insert|update|delete|merge|truncate|call|do)\b|\bfor (no key )?(update|share)\b|\b(nextval|setval|pg_advisory\w*)\(/i;
const TABLES =
  /\b(?:from|join|into|update|only|table)\s+((?:"[^"]+"|[a-z_][\w$]*)(?:\.(?:"[^"]+"|[a-z_][\w$]*))*)/gi;

const effects = new Map<string, StatementEffect>();

/** Takes a fingerprint, which holds no values: it can be remembered. */
export function effectOf(statement: string): StatementEffect {
  const known = effects.get(statement);
  if (known !== undefined) return known;
  if (effects.size >= REMEMBERED) effects.clear();
  const effect = findEffect(statement);
  effects.set(statement, effect);
  return effect;
}

function findEffect(statement: string): StatementEffect {
  const reads = READ.test(statement) && !WRITES_OR_LOCKS.test(statement);
  const found = [...statement.matchAll(TABLES)].map(([, table = '']) =>
    table.replaceAll('"', '').toLowerCase(),
  );
  const summary = summaryOf(statement, found);
  const isTold = reads || found.length > 0 || isHarmless(statement);
  return { summary, reads, tables: isTold ? found : undefined };
}

const WRITE = /\b(insert into|update|delete from|merge into)\s+"?([a-z_][\w$.]*)/i;

/** Of one that begins by naming queries, what it writes, and else what it reads first. */
function summaryOf(statement: string, tables: readonly string[]): string {
  const operation = /^\W*(\w+)/.exec(statement)?.[1]?.toUpperCase() ?? '';
  if (operation !== 'WITH') return [operation, ...tables.slice(0, 1)].join(' ');
  // A lock (`for update of`, `for no key update`) is no write.
  const [, write, table] = WRITE.exec(statement.replace(/\bfor (?:no key )?update\b/gi, '')) ?? [];
  if (write === undefined || table === undefined) return ['SELECT', ...tables.slice(0, 1)].join(' ');
  return `${write.split(' ')[0]?.toUpperCase()} ${table.toLowerCase()}`;
}

/** Statements that change no row. */
function isHarmless(statement: string): boolean {
  return /^(begin|commit|rollback|savepoint|release|start transaction|set|show|explain|listen|notify)\b/i.test(
    statement,
  );
}
