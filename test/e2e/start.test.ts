import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import supertest from 'supertest';
import { SESSIONS } from '../support/paths.ts';
import { freePort, processesWith, startProcess, temporaryDirectory } from '../support/process.ts';

async function createSession(url: string): Promise<string> {
  const agent = supertest.agent(url);
  await agent.post('/auth/guest').expect(201);
  const { body } = await agent.post(SESSIONS).send({ selected_tag_id: 2 }).expect(201);
  return body.session_id;
}

describe('npm start', () => {
  test('brings the whole service up on an empty folder; Ctrl-C and SIGTERM stop all of it; data is kept', async () => {
    await using directory = await temporaryDirectory();
    const env = { DATA_DIR: directory.path };

    await using first = await startProcess({ env, throughNpm: true });
    await first.ready;
    assert.match(
      first.output(),
      new RegExp(`curl .*${first.url.replace('127.0.0.1', 'localhost')}/auth/guest`),
    );
    assert.match(first.output(), new RegExp(`Profiler +${first.opsUrl}/profiler\n`));
    await supertest(first.opsUrl).get('/profiler/').expect(200);
    await supertest(first.opsUrl).get('/readyz').expect(200);
    await createSession(first.url);
    assert.ok((await processesWith(directory.path)).length > 0);
    first.signalGroup('SIGINT');
    await first.exited;
    assert.deepEqual(await processesWith(directory.path), []);

    await using second = await startProcess({ env });
    await second.ready;
    const { text } = await supertest(second.opsUrl).get('/metrics').expect(200);
    assert.match(text, /nodejs_eventloop/);
    second.child.kill('SIGTERM');
    assert.equal(await second.exited, 0);
    assert.deepEqual(await processesWith(directory.path), []);
  });

  test('a signal to npm alone, as a supervisor sends it, stops all of it', async () => {
    await using directory = await temporaryDirectory();
    await using service = await startProcess({ env: { DATA_DIR: directory.path }, throughNpm: true });
    await service.ready;
    service.child.kill('SIGTERM');
    await service.exited;
    assert.deepEqual(await processesWith(directory.path), []);
  });

  test('stops in time and as usual with a request that never ends and a trace collector that is gone', async () => {
    await using directory = await temporaryDirectory();
    const collector = `http://127.0.0.1:${await freePort()}`;
    await using service = await startProcess({
      env: { DATA_DIR: directory.path, OTEL_EXPORTER_OTLP_ENDPOINT: collector },
    });
    await service.ready;
    await createSession(service.url);
    const halfSent = connect(Number(new URL(service.url).port), '127.0.0.1');
    halfSent.on('error', () => {});
    await once(halfSent, 'connect');
    await new Promise((sent) => halfSent.write('POST /auth/guest HTTP/1.1\r\nHost: a\r\n', sent));
    service.child.kill('SIGTERM');
    assert.equal(await service.exited, 0);
    assert.deepEqual(await processesWith(directory.path), []);
    halfSent.destroy();
  });

  test('starts again after a kill -9, and finds its data', async () => {
    await using directory = await temporaryDirectory();
    const env = { DATA_DIR: directory.path };
    await using killed = await startProcess({ env });
    await killed.ready;
    const agent = supertest.agent(killed.url);
    await agent.post('/auth/guest').expect(201);
    const { body } = await agent.post(SESSIONS).send({ selected_tag_id: 2 }).expect(201);
    const cookie = agent.jar
      .getCookies({ path: '/', domain: '127.0.0.1', secure: false, script: false })
      .toValueString();
    killed.child.kill('SIGKILL');
    await killed.exited;
    assert.ok((await processesWith(directory.path)).length > 0, 'the database was left behind');

    await using next = await startProcess({ env });
    await next.ready;
    await supertest(next.url).get(`${SESSIONS}/${body.session_id}`).set('Cookie', cookie).expect(200);
    next.child.kill('SIGTERM');
    assert.equal(await next.exited, 0);
    assert.deepEqual(await processesWith(directory.path), []);
  });

  test('starts over a lock file whose process number belongs to another program by now', async () => {
    await using directory = await temporaryDirectory();
    const env = { DATA_DIR: directory.path };
    await using first = await startProcess({ env });
    await first.ready;
    first.child.kill('SIGTERM');
    await first.exited;
    const lockFile = join(directory.path, 'postgres', 'data', 'postmaster.pid');
    const foreign = `${process.ppid}\n${join(directory.path, 'postgres', 'data')}\n0\n5432\n\n127.0.0.1\n`;
    await writeFile(lockFile, foreign);
    await writeFile(join(directory.path, 'postgres', 'owner.pid'), '1');

    await using second = await startProcess({ env });
    await second.ready;
    assert.notEqual(await readFile(lockFile, 'utf8'), foreign);
    second.child.kill('SIGTERM');
    assert.equal(await second.exited, 0);
  });

  test('does not touch the database of a service that is running', async () => {
    await using directory = await temporaryDirectory();
    const env = { DATA_DIR: directory.path };
    await using running = await startProcess({ env });
    await running.ready;
    await using second = await startProcess({ env });
    assert.equal(await second.exited, 1);
    assert.match(second.output(), /^meari: the database in .* is in use by process \d+.*\n$/);
    await createSession(running.url);
    running.child.kill('SIGTERM');
    assert.equal(await running.exited, 0);
  });

  test('a signal during the start leaves nothing behind', async () => {
    await using directory = await temporaryDirectory();
    await using starting = await startProcess({ env: { DATA_DIR: directory.path } });
    while ((await processesWith(directory.path)).length === 0)
      await new Promise((next) => setImmediate(next));
    starting.child.kill('SIGTERM');
    assert.equal(await starting.exited, 0);
    assert.deepEqual(await processesWith(directory.path), []);
  });
});

describe('a start that cannot work is one line and exit code 1', () => {
  async function failingStart(env: Record<string, string>): Promise<string> {
    await using directory = await temporaryDirectory();
    await using failing = await startProcess({ env: { DATA_DIR: directory.path, ...env } });
    assert.equal(await failing.exited, 1);
    assert.deepEqual(await processesWith(directory.path), []);
    assert.match(failing.output(), /^meari: [^\n]+\n$/);
    return failing.output();
  }

  test('a taken port', async () => {
    const server = createServer().listen(0);
    await once(server, 'listening');
    const port = String((server.address() as { port: number }).port);
    assert.match(await failingStart({ PORT: port }), /PORT: port \d+ is taken/);
    server.close();
    const ops = createServer().listen(0, '127.0.0.1');
    await once(ops, 'listening');
    const opsPort = String((ops.address() as { port: number }).port);
    assert.match(await failingStart({ OPS_PORT: opsPort }), /OPS_PORT: port \d+ is taken/);
    ops.close();
  });

  test('bad variables, all of them named', async () => {
    const output = await failingStart({ PORT: 'eighty', DATABASE_URL: 'mysql://x', NODE_ENV: 'live' });
    for (const name of ['PORT', 'DATABASE_URL', 'NODE_ENV']) assert.match(output, new RegExp(`${name}: `));
  });

  test('a profiler in production without its token', async () => {
    const output = await failingStart({ NODE_ENV: 'production', PROFILER: 'on' });
    assert.match(output, /PROFILER_TOKEN: /);
  });

  test('a database that cannot be reached', async () => {
    const url = `postgres://nobody:secret@127.0.0.1:${await freePort()}/nothing`;
    const output = await failingStart({ DATABASE_URL: url });
    assert.match(output, /DATABASE_URL: .*ECONNREFUSED/);
    assert.doesNotMatch(output, /secret/);
  });
});
