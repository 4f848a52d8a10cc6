/**
 * Each view has an address that can be sent to a colleague: `#/traces/ID?span=ID`. Behind the `#` it never reaches a
 * server's log, whatever somebody searches for.
 *
 * @typedef {{ view: string, id: string, query: URLSearchParams }} Address
 */

/** @returns {Address} */
export function readAddress(hash = location.hash) {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?');
  const [view = '', id = ''] = path.split('/').map(decoded);
  return { view, id, query: new URLSearchParams(query) };
}

/** A link that somebody has typed may be encoded badly. @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * @param {string} view
 * @param {string} [id]
 * @param {Record<string, string | number | undefined>} [query] without what is empty.
 */
export function addressOf(view, id, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  const search = new URLSearchParams(given.map(([key, value]) => [key, String(value)]));
  const path = id === undefined ? `#/${view}` : `#/${view}/${encodeURIComponent(id)}`;
  return search.size === 0 ? path : `${path}?${search}`;
}

/**
 * Keeps the choices made in a view in its address, without a new entry in the history.
 *
 * @param {Record<string, string | number | undefined>} query
 */
export function rememberQuery(query) {
  const { view, id } = readAddress();
  history.replaceState(null, '', addressOf(view, id || undefined, query));
}
