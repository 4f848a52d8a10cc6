import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { bottleneck } from './bottleneck.ts';
import { runtime } from './runtime.ts';
import { service } from './service.ts';
import { workers } from './workers.ts';

/** What Grafana is provisioned with, by the name of its file. */
export function buildDashboards(): ReadonlyMap<string, Dashboard> {
  return new Map(
    [service(), bottleneck(), runtime(), workers()].map((built) => [`${built.uid}.json`, built]),
  );
}

/** A file as it is kept: a line a field, so that a change can be read. */
export function textOf(built: Dashboard): string {
  return `${JSON.stringify(built, null, 2)}\n`;
}
