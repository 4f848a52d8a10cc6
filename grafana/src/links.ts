import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  type DashboardLink,
  DashboardLinkBuilder,
  DashboardLinkType,
} from '@grafana/grafana-foundation-sdk/dashboard';

/** The span of a job that executes a session. */
export const JOB_SPAN = 'process meari-sessions';

export interface TraceSearch {
  /** Of `service.name`. */
  readonly service?: string;
  /** Name of a span; may hold variables of Grafana. */
  readonly operation: string;
  /** As Jaeger takes them: `error=true`. */
  readonly tags?: string;
}

/** A link from a point of a panel to the traces of its time range in Jaeger. */
export function traces(
  title: string,
  { service = 'meari-api', operation, tags = '' }: TraceSearch,
): Builder<DashboardLink> {
  const query = {
    refId: 'A',
    datasource: { type: 'jaeger', uid: 'jaeger' },
    queryType: 'search',
    service,
    operation,
    tags,
    limit: 50,
  };
  const range = { from: '${__from}', to: '${__to}' };
  const panes = encoded({ traces: { datasource: 'jaeger', queries: [query], range } });
  return link(title, `/explore?schemaVersion=1&panes=${panes}`).targetBlank(true);
}

/** A link to a view of the built-in profiler. */
export function profilerView(title: string, view: string): Builder<DashboardLink> {
  return link(title, `\${profiler}#/${view}`).targetBlank(true);
}

/** A link to another dashboard, with the variables and the time range of this one. */
export function dashboard(title: string, uid: string): DashboardLinkBuilder {
  return link(title, `/d/${uid}?\${__url_time_range}&\${instance:queryparam}`);
}

function link(title: string, url: string): DashboardLinkBuilder {
  return new DashboardLinkBuilder(title).type(DashboardLinkType.Link).url(url);
}

/** As a part of an address, with the variables left for Grafana to fill in. */
function encoded(value: object): string {
  return JSON.stringify(value)
    .split(/(\$\{[^}]+\})/)
    .map((part) => (part.startsWith('${') ? part : encodeURIComponent(part)))
    .join('');
}
