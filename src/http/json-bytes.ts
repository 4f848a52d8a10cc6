const known = new WeakMap<object, Buffer>();

/**
 * The JSON of a value that never changes, as it is sent: made once, for as long as somebody (a cache) keeps the value.
 * For Korean text, that JavaScript holds in two bytes a letter, most of the cost of an answer is to make these.
 */
export function jsonBytes(value: object): Buffer {
  const bytes = known.get(value) ?? Buffer.from(JSON.stringify(value));
  known.set(value, bytes);
  return bytes;
}
