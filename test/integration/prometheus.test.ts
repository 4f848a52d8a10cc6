import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startPrometheus } from '../support/prometheus/prometheus.ts';
import { startTestService } from '../support/service.ts';

test('a real Prometheus reads the service, and tells when it has', async () => {
  await using service = await startTestService();
  await using prometheus = await startPrometheus({ targets: { 'meari-api': [service.opsUrl] } });
  await (await service.guest()).get('/api/v1/tags').expect(200);
  await prometheus.scraped();
  const [up] = await prometheus.query('up');
  assert.deepEqual(up, {
    labels: { __name__: 'up', job: 'meari-api', instance: new URL(service.opsUrl).host },
    value: 1,
  });
  const requests = await prometheus.query(
    'http_server_request_duration_seconds_count{http_route="/api/v1/tags"}',
  );
  assert.deepEqual(
    requests.map(({ value }) => value),
    [1],
  );
  await assert.rejects(prometheus.query('rate('), /parse error/);
});
