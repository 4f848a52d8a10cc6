import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { createTestDatabase } from '../test/support/database.ts';
import { startFakeModel } from '../test/support/fake-model/fake-model.ts';
import { globalSetup, globalTeardown } from '../test/support/global-setup.ts';
import { type ReceivedSpan, startOtlpReceiver } from '../test/support/otlp-receiver.ts';
import { SESSIONS } from '../test/support/paths.ts';
import { startProcess } from '../test/support/process.ts';
import { startRedis } from '../test/support/redis.ts';
import { traceText } from './trace-examples/trace-text.ts';

/**
 * Writes the examples of `docs/tracing.md` anew: traces that the service has just exported, an API and a worker with
 * Redis between them, and a model as slow as one is.
 */

const DOCS = new URL('../docs/tracing.md', import.meta.url);
const ROOT = new URL('../', import.meta.url).pathname;
const MARK = 'trace-example';

await globalSetup();
try {
  const examples = { ...(await sessions()), loop: await loop() };
  let text = await readFile(DOCS, 'utf8');
  for (const [name, spans] of Object.entries(examples)) {
    const place = new RegExp(`(<!-- ${MARK}:${name} -->\n)[^]*?(<!-- /${MARK} -->)`);
    if (!place.test(text)) throw new Error(`docs/tracing.md has no place for ${name}`);
    text = text.replace(
      place,
      (_, before, after) => `${before}\`\`\`text\n${traceText(spans)}\n\`\`\`\n${after}`,
    );
  }
  await writeFile(DOCS, text);
} finally {
  await globalTeardown();
}

/** One session that goes well, and one with a call that is made again and a part that the model does not write. */
async function sessions(): Promise<Record<'session' | 'retry', readonly ReceivedSpan[]>> {
  await using receiver = await startOtlpReceiver();
  await using redis = await startRedis();
  await using model = await startFakeModel({
    pace: { firstTokenMs: () => 300, tokensPerSecond: () => 400 },
  });
  const database = await createTestDatabase();
  const env = {
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    WRITER: 'llm',
    LLM_PROVIDER: 'google',
    LLM_MODEL: 'gemini-2.5-flash',
    LLM_API_KEYS: 'one',
    LLM_BASE_URL: model.baseUrl('google'),
  };
  const services = [
    await startProcess({ env: { ...env, ROLE: 'api' } }),
    await startProcess({ env: { ...env, ROLE: 'worker' } }),
  ] as const;
  await Promise.all(services.map(({ ready }) => ready));
  const [{ url }] = services;
  const login = await fetch(`${url}/auth/guest`, { method: 'POST' });
  const Cookie = login.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  const post = async (): Promise<string> => {
    const answer = await fetch(url + SESSIONS, {
      method: 'POST',
      headers: { Cookie, 'Content-Type': 'application/json' },
      body: JSON.stringify({ selected_tag_id: 2, user_context: `야근 ${Math.random()}` }),
    });
    await answer.text();
    return answer.headers.get('X-Trace-Id') ?? '';
  };
  // The first one opens the connections.
  await post();
  const session = await post();
  let refused = false;
  model.behave(({ part }) => {
    if (part === 'reflection') return { kind: 'blocked' };
    if (part !== 'empathy' || refused) return undefined;
    refused = true;
    return { kind: 'status', status: 503 };
  });
  const retry = await post();
  for (const service of services) await service[Symbol.asyncDispose]();
  await database.drop();
  const of = (traceId: string) => receiver.spans.filter((span) => span.traceId === traceId);
  return { session: of(session), retry: of(retry) };
}

/** A route that asks the database for each row. */
async function loop(): Promise<readonly ReceivedSpan[]> {
  await using receiver = await startOtlpReceiver();
  await promisify(execFile)(
    process.execPath,
    ['--import', './instrumentation.ts', 'scripts/trace-examples/slow-route.ts'],
    { cwd: ROOT, env: { ...process.env, OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url } },
  );
  return receiver.spans;
}
