import { hash, randomBytes } from 'node:crypto';

/** Of this process alone: what is hashed here can be compared here, and found out nowhere. */
const KEY = randomBytes(32).toString('base64');

/** Characters that are hashed; longer values differ in their length or before that. */
const HASHED = 65_536;

/**
 * Tells whether two values are the same without keeping either. The key goes first, as a secret of a fixed length:
 * nobody outside of the process ever sees a hash, so that nothing more costly (HMAC takes five times as long) is
 * called for.
 */
export function keyedHash(text: string): string {
  return hash('sha256', `${KEY}${text.length}:${text.slice(0, HASHED)}`, 'base64url').slice(0, 16);
}

/** The same for the bindings of a statement. */
export function hashBindings(values: readonly unknown[] | undefined): string {
  if (values === undefined || values.length === 0) return '';
  let text = '';
  for (const value of values) {
    text += `${textOf(value)}\u0000`;
    if (text.length > HASHED) break;
  }
  return keyedHash(`${values.length}\u0000${text}`);
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Buffer.isBuffer(value)) return value.subarray(0, HASHED).toString('base64');
  return typeof value === 'object' && value !== null ? stringify(value) : String(value);
}

/** What cannot be written as JSON is the same as nothing else. */
function stringify(value: object): string {
  try {
    return JSON.stringify(value);
  } catch {
    return randomBytes(12).toString('base64');
  }
}
