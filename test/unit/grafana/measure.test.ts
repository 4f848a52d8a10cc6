import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { measure, unitsFor } from '../../support/grafana/measure.ts';

describe('the unit of a query', () => {
  for (const [query, unit] of [
    ['process_memory_usage_bytes', 'bytes'],
    ['max(a_bytes / b_bytes)', 'percentunit'],
    ['sum(rate(requests_total[5m]))', 'ops'],
    ['sum(increase(requests_total[5m])) or vector(0)', 'short'],
    ['rate(gc_duration_seconds_sum[5m])', 'percentunit'],
    ['sum(rate(x_seconds_sum[5m])) / sum(rate(x_seconds_count[5m])) >= 0', 's'],
    ['rate(x_statements_sum[5m]) / rate(x_statements_count[5m])', 'short'],
    ['histogram_quantile(0.95, sum by (le) (rate(x_seconds_bucket[5m]))) >= 0', 's'],
    ['sum by (part) (increase(meari_llm_cost_total[1h]))', 'currencyUSD'],
    ['count(slots > 0)', 'short'],
  ] as const) {
    test(`${query} is ${unit}`, () => assert.ok(unitsFor(measure(query)).includes(unit)));
  }

  for (const [query, why] of [
    ['a_bytes + b_seconds', /bytes and s together/],
    ['a_bytes or b_seconds', /together/],
    ['rate(queue_depth[5m])', /rate of a gauge/],
    ['sum(requests_total)', /counter without its rate/],
    ['histogram_quantile(0.9, rate(x_seconds_count[5m]))', /no buckets/],
  ] as const) {
    test(`${query} is refused`, () => assert.throws(() => measure(query), why));
  }
});
