/** As V8 writes it, which ends with a place: `    at name (file:///folder/file.ts:12:34)`. */
const FRAME =
  /^ {4}at (?:.*[ (])?(?:(?:file:\/\/|node:|\/|[A-Za-z]:\\)[^()]*:\d+:\d+|<anonymous>|native)\)?$/;

/**
 * The frames of an error's stack, without the message above them: that quotes the values that it is about, and a line
 * of those can begin as a frame does.
 */
export function framesOf({ message = '', stack = '' }: Partial<Error>): readonly string[] {
  const at = message === '' ? -1 : stack.indexOf(message);
  // Where a library has written another message since, the old one has to be told from frames by its looks.
  const below = at < 0 ? stack : stack.slice(at + message.length);
  return below.split('\n').filter((line) => FRAME.test(line));
}
