import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { SESSIONS } from '../support/paths.ts';
import { startTestService } from '../support/service.ts';
import { startSlowApp } from '../support/slow-app.ts';

test('dev', { timeout: 3_600_000 }, async () => {
  await using service = await startTestService({
    JAEGER_UI_URL: 'http://localhost:16686',
    GRAFANA_URL: 'http://localhost:3001',
  });
  await using slow = await startSlowApp();
  const guest = await service.guest();
  for (const id of [2, 3, 8])
    await guest.post(SESSIONS).send({ selected_tag_id: id, user_context: '매일 야근하고' });
  await guest.get(SESSIONS);
  for (let i = 0; i < 8; i++) await fetch(`${slow.url}/slow/sessions`, { method: 'POST' });
  await fetch(`${slow.url}/slow/error`);
  await fetch(`${slow.url}/slow/spans?count=1990`);
  writeFileSync(
    '/tmp/page-dev-urls.json',
    JSON.stringify({ ops: service.opsUrl, slow: slow.url, api: service.url }),
  );
  await once(process, 'SIGUSR2');
});
