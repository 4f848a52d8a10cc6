/** The preferences of RFC 7240 that this API knows; others, and values that make no sense, are ignored as it asks. */
export interface Preferences {
  readonly respondAsync: boolean;
  /** Seconds; undefined when not given. */
  readonly wait: number | undefined;
}

export function parsePrefer(header: string | undefined): Preferences {
  let respondAsync = false;
  let wait: number | undefined;
  for (const preference of (header ?? '').split(',')) {
    const [name = '', value = ''] = (preference.split(';')[0] ?? '').split('=').map((part) => part.trim());
    if (name.toLowerCase() === 'respond-async') respondAsync = true;
    // The first of several counts, by the same RFC.
    if (name.toLowerCase() === 'wait' && /^"?\d{1,9}"?$/.test(value))
      wait ??= Number(value.replaceAll('"', ''));
  }
  return { respondAsync, wait };
}
