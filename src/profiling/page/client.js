/** The profiler's API, as `openapi.json` beside it describes it. */

export class ApiError extends Error {
  /** @param {string} code @param {string} message */
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/**
 * @param {string} path below `api/`.
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 * @throws {ApiError} also where the process does not answer: NETWORK.
 */
export async function get(path, signal) {
  return (await call(path, signal ? { signal } : {})).json();
}

/**
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<any>} undefined for an answer without a body.
 */
export async function post(path, body) {
  const json = { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body ?? {}) };
  const response = await call(path, { method: 'POST', ...json });
  return response.status === 204 ? undefined : response.json();
}

/** @param {string} path @param {RequestInit} options */
async function call(path, options) {
  const response = await fetch(`api/${path}`, options).catch((error) => {
    throw error.name === 'AbortError' ? error : new ApiError('NETWORK', String(error.message));
  });
  if (response.ok) return response;
  // The sign-in has ended: the page itself is behind it too, and the address is kept.
  if (response.status === 401) location.reload();
  const { error = `HTTP_${response.status}`, message = '' } = await response.json().catch(() => ({}));
  throw new ApiError(error, message);
}
