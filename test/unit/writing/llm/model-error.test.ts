import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { APICallError } from '@ai-sdk/provider';
import { toModelError } from '../../../../src/writing/llm/model-error.ts';

const SECRET = '사용자가 쓴 글';

function apiError(
  statusCode: number,
  responseHeaders: Record<string, string> = {},
  responseBody = SECRET,
): APICallError {
  return new APICallError({
    message: SECRET,
    url: 'https://example.com',
    requestBodyValues: { text: SECRET },
    statusCode,
    responseHeaders,
    responseBody,
    cause: new Error(SECRET),
  });
}

describe('errors of the SDK', () => {
  test('are told by their status', () => {
    for (const [status, code] of [
      [401, 'key_refused'],
      [403, 'key_refused'],
      [429, 'rate_limited'],
      [400, 'request_refused'],
      [404, 'request_refused'],
      [408, 'unavailable'],
      [500, 'unavailable'],
      [503, 'unavailable'],
      [200, 'unavailable'],
    ] as const) {
      assert.equal(toModelError(apiError(status)).code, code, String(status));
    }
    assert.equal(toModelError(new TypeError('terminated')).code, 'connection');
    assert.equal(toModelError(apiError(400, {}, '{"reason": "API_KEY_INVALID"}')).code, 'key_refused');
  });

  test('Retry-After in every way that providers say it', () => {
    const waitOf = (headers: Record<string, string>, body = '') =>
      toModelError(apiError(429, headers, body)).retryAfterMs;
    assert.equal(waitOf({ 'retry-after': '7' }), 7_000);
    assert.equal(waitOf({ 'retry-after-ms': '1500', 'retry-after': '2' }), 1_500);
    assert.equal(waitOf({}, '{"retryDelay": "23.5s"}'), 23_500);
    assert.equal(waitOf({}), undefined);
    assert.equal(waitOf({ 'retry-after': 'soon' }), undefined);
    assert.equal(waitOf({ 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT' }), 0);
    assert.equal(waitOf({ 'retry-after': '31536000' }), 24 * 3_600_000);
    const inAnHour = waitOf({ 'retry-after': new Date(Date.now() + 3_600_000).toUTCString() }) ?? 0;
    assert.ok(inAnHour > 3_000_000 && inAnHour <= 3_600_000);
  });

  test('leave nothing of what the request said', () => {
    const error = toModelError(apiError(500));
    assert.ok(!`${error.stack} ${error.message} ${JSON.stringify(error)}`.includes(SECRET));
    assert.equal(error.cause, undefined);
  });
});
