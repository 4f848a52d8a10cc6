/**
 * Data between two marks. It is JSON without angle brackets (they are written as `\u003c`), so that whatever a user
 * writes stays inside: it can neither close its block nor open another.
 */
export function dataBlock(name: string, data: unknown): string {
  const json = JSON.stringify(data).replaceAll('<', '\\u003c').replaceAll('>', '\\u003e');
  return `<${name}>${json}</${name}>`;
}
