import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { describe, test } from 'node:test';
import supertest from 'supertest';
import { createTestDatabase } from '../support/database.ts';
import { SESSIONS } from '../support/paths.ts';
import { freePort, type ServiceProcess, startProcess } from '../support/process.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const MARKER = '비밀표식';

interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** As a person types it. */
async function profile(...args: string[]): Promise<Finished> {
  const { PATH, HOME } = process.env;
  const child = spawn('npm', ['run', '--silent', 'profile', '--', ...args], {
    cwd: ROOT,
    env: { PATH, HOME },
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  const [code] = await once(child, 'close');
  return { code, ...output };
}

async function withService(
  env: Record<string, string>,
  run: (service: ServiceProcess) => Promise<void>,
): Promise<void> {
  const database = await createTestDatabase();
  await using service = await startProcess({ env: { DATABASE_URL: database.url, ...env } });
  await service.ready;
  await run(service);
  service.child.kill('SIGTERM');
  assert.equal(await service.exited, 0);
  await database.drop();
}

describe('npm run profile', () => {
  test('prints the sum of each step, and the functions of the one asked for', async () => {
    await withService({}, async (service) => {
      const agent = supertest.agent(service.url);
      await agent.post('/auth/guest').expect(201);
      const finished = profile('--seconds', '3', '--step', 'empathy', '--ops-url', service.opsUrl);
      let done = false;
      void finished.then(() => {
        done = true;
      });
      while (!done) {
        const words = { selected_tag_id: 2, user_context: `${MARKER} ${performance.now()}` };
        await agent.post(SESSIONS).send(words).expect(201);
      }
      const { code, stdout, stderr } = await finished;
      assert.equal(code, 0, stderr);
      assert.match(stdout, /^cpu profile of 3 s: \d+ samples, [\d.]+ CPU ms$/m);
      assert.match(stdout, /^ *CPU ms +% +samples +step +route$/m);
      assert.match(stdout, /^ *[\d.]+ +[\d.]+% +\d+ +empathy +POST \/api\/v1\/meari\/sessions$/m);
      assert.match(stdout, /^samples +self CPU ms +% +total CPU ms +% +function$/m);
      assert.match(stdout, / \w+ \(src\/writing\/local\/[\w-]+\.ts:\d+\)$/m);
      assert.ok(!stdout.includes('execution-repository'), 'the functions of that step alone');
      assert.ok(!stdout.includes(MARKER) && !stdout.includes(ROOT));
    });
  });

  test('prints what allocates', async () => {
    await withService({}, async (service) => {
      const { code, stdout, stderr } = await profile(
        ...['--mode', 'heap', '--seconds', '1', '--ops-url', service.opsUrl],
      );
      assert.equal(code, 0, stderr);
      assert.match(stdout, /^heap profile of 1 s: \d+ objects, [\d.]+ MiB$/m);
      assert.match(stdout, /^objects +self MiB +% +total MiB +% +function$/m);
    });
  });

  test('says when another profile runs, and what is wrong with its arguments', async () => {
    await withService({}, async ({ opsUrl }) => {
      const { body } = await supertest(opsUrl).post('/profiler/api/profiles?seconds=30').expect(202);
      const busy = await profile('--ops-url', opsUrl);
      assert.equal(busy.code, 1);
      const until = new Date(body.profile.endsAt).toISOString();
      assert.equal(busy.stderr, `profile: a cpu profile runs until ${until}\n`);

      const long = await profile('--seconds', '31', '--ops-url', opsUrl);
      assert.equal(long.code, 1);
      assert.match(long.stderr, /^profile: seconds: /);
      // What runs is ended by the shutdown, not waited for.
    });
  });

  test('says when nothing answers, when something else does and when it is closed', async () => {
    const nobody = `http://127.0.0.1:${await freePort()}`;
    const silent = await profile('--ops-url', nobody);
    assert.deepEqual([silent.code, silent.stdout], [1, '']);
    assert.match(silent.stderr, new RegExp(`^profile: ${nobody}: nothing answers \\(ECONNREFUSED\\)`));

    const other = createServer((_req, res) => res.writeHead(404).end()).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    assert.ok(address && typeof address === 'object');
    const closed = await profile('--ops-url', `http://127.0.0.1:${address.port}`);
    other.close();
    assert.equal(closed.code, 1);
    assert.match(closed.stderr, /does not exist: the profiler is closed there\n$/);

    for (const args of [['--mode', 'memory'], ['--fast']]) {
      const wrong = await profile(...args);
      assert.equal(wrong.code, 1);
      assert.match(wrong.stderr, new RegExp(`^profile: .*${args[0]}`));
    }
  });
});

test('without the native addon the service works, and a profile says why there is none', async () => {
  // Where the addon is looked for, by node-gyp-build.
  await withService({ '@DATADOG/PPROF_PREBUILD': '/nonexistent' }, async (service) => {
    const agent = supertest.agent(service.url);
    await agent.post('/auth/guest').expect(201);
    await agent.post(SESSIONS).send({ selected_tag_id: 2 }).expect(201);
    const { stderr, code } = await profile('--ops-url', service.opsUrl);
    assert.equal(code, 1);
    assert.match(stderr, /^profile: @datadog\/pprof does not work on \w+ \w+ with Node v\d/);
    const { body } = await supertest(service.opsUrl).post('/profiler/api/profiles').expect(501);
    assert.equal(body.error, 'unavailable');
    await supertest(service.opsUrl).get('/profiler/api/live').expect(200);
  });
});
