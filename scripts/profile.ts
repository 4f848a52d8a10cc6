import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { ProfileReport, ProfileSummary } from '../src/profiling/cpu/model.ts';
import { reportText } from '../src/profiling/cpu/report-text.ts';

/** `npm run profile`: takes a profile of a running service through its ops listener, and prints it as a table. */

const USAGE = 'npm run profile -- [--seconds 10] [--mode cpu|wall|heap] [--step NAME] [--ops-url URL]';

class CommandError extends Error {}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: { readonly message?: string; readonly profile?: ProfileSummary };
}

const { values } = readArguments();
const API = `${values['ops-url'].replace(/\/$/, '')}/profiler/api`;

try {
  process.stdout.write(reportText(await takeProfile()));
} catch (error) {
  if (!(error instanceof CommandError)) throw error;
  process.stderr.write(`profile: ${error.message}\n`);
  process.exitCode = 1;
}

function readArguments() {
  try {
    return parseArgs({
      options: {
        seconds: { type: 'string', default: '10' },
        mode: { type: 'string', default: 'cpu' },
        step: { type: 'string' },
        'ops-url': { type: 'string', default: `http://127.0.0.1:${process.env.OPS_PORT || 9464}` },
      },
    });
  } catch (error) {
    process.stderr.write(`profile: ${(error as Error).message}\n${USAGE}\n`);
    process.exit(1);
  }
}

async function takeProfile(): Promise<ProfileReport> {
  const { mode, seconds, step } = values;
  if (!['cpu', 'wall', 'heap'].includes(mode))
    throw new CommandError(`--mode: cpu, wall or heap, not ${mode}`);
  const kind = mode === 'heap' ? 'heap' : 'cpu';
  const started = await ask('POST', `/profiles?${new URLSearchParams({ kind, seconds })}`);
  const { profile } = started.body;
  if (started.status !== 202 || !profile) throw new CommandError(explain(started));
  process.stderr.write(`sampling for ${profile.seconds} s …\n`);
  await delay(profile.endsAt - profile.startedAt);
  const query = new URLSearchParams({
    ...(mode === 'heap' ? {} : { metric: mode }),
    ...(step === undefined ? {} : { step }),
  });
  for (;;) {
    const answer = await ask('GET', `/profiles/${profile.id}?${query}`);
    if (answer.status === 200) return answer.body as ProfileReport;
    if (answer.status !== 202) throw new CommandError(explain(answer));
    await delay(200);
  }
}

async function ask(method: string, path: string): Promise<Answer> {
  const headers = process.env.PROFILER_TOKEN ? { Authorization: `Bearer ${process.env.PROFILER_TOKEN}` } : {};
  try {
    const answer = await fetch(API + path, { method, headers });
    const isJson = answer.headers.get('Content-Type')?.includes('json');
    return {
      status: answer.status,
      headers: answer.headers,
      body: isJson ? ((await answer.json()) as Answer['body']) : {},
    };
  } catch (error) {
    const { code } = ((error as Error).cause ?? {}) as { code?: string };
    throw new CommandError(
      `${values['ops-url']}: nothing answers (${code ?? (error as Error).message}); is the service up?`,
    );
  }
}

function explain({ status, body }: Answer): string {
  if (body.message !== undefined) return body.message;
  if (status === 404) return `${API} does not exist: the profiler is closed there`;
  return `${API} answered with ${status}`;
}
