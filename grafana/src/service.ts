import { buildDashboard } from './dashboard.ts';
import { traces } from './links.ts';
import { budgetLeft, burnRates, OBJECTIVES } from './objectives.ts';
import { graph, heatmap, stat } from './panels.ts';
import { buckets, INSTANCE, orZero, percentiles, quantile, ROUTE, rate, ratio, sum } from './queries.ts';
import { instance, route } from './variables.ts';

const REQUESTS = 'http_server_request_duration_seconds';
const FAILED = 'http_response_status_code=~"5.."';
const NAMED = 'http_request_method, http_route';
const NAME = '{{http_request_method}} {{http_route}}';
/** Streams and long polls last as long as their clients wait. */
const SHORT = `${ROUTE}, http_route!~".+/(events|status)"`;

const toTraces = traces('Traces of this route in Jaeger', {
  operation: '${__field.labels.http_request_method} ${__field.labels.http_route}',
});
const toFailures = traces('Failed traces of this route in Jaeger', {
  operation: '${__field.labels.http_request_method} ${__field.labels.http_route}',
  tags: 'error=true',
});

/** Whether users are served: the first dashboard of whoever is paged. */
export const service = () =>
  buildDashboard({
    uid: 'meari-service',
    title: 'Meari / Service',
    description: 'Whether users are served: traffic, errors, latency, objectives and what is nearly full.',
    variables: [instance(), route()],
    rows: [
      {
        panels: [
          stat({
            title: 'Alerts firing',
            description:
              'Alerts of this service that fire now. Above zero: open Alerting in Prometheus, and follow the runbook that the alert names.',
            unit: 'short',
            expr: orZero('count(ALERTS{alertstate="firing"})'),
            limits: { warn: 1, bad: 2 },
          }),
          ...OBJECTIVES.map(({ name, slo, description }) =>
            stat({
              title: `${name} budget`,
              description: `Part of the error budget of 30 days that is left. ${description} Below a quarter: ship nothing risky. At zero: the objective is missed, and reliability goes before features.`,
              unit: 'percentunit',
              expr: budgetLeft(slo),
              limits: { warn: 0.25, bad: 0 },
              decimals: 1,
            }),
          ),
          stat({
            title: 'Requests',
            description:
              'Requests a second, all routes. A fall to zero is an outage in front of this service: look at the load balancer, then at the network.',
            unit: 'reqps',
            expr: orZero(sum(rate(`${REQUESTS}_count`, ROUTE))),
          }),
          stat({
            title: 'Failed requests',
            description:
              'Part of the requests that were answered by 5xx. Above 0.5 % the budget shrinks: see which route it is in "Failed requests by route", and open its failed traces from there.',
            unit: 'percentunit',
            expr: ratio(
              `(${orZero(sum(rate(`${REQUESTS}_count`, `${ROUTE}, ${FAILED}`)))})`,
              sum(rate(`${REQUESTS}_count`, ROUTE)),
            ),
            limits: { warn: 0.005, bad: 0.02 },
            decimals: 2,
          }),
        ],
      },
      {
        title: 'Traffic and errors',
        panels: [
          graph({
            title: 'Requests by route',
            description:
              'Requests a second. One route that jumps: a client that repeats itself, look at 4xx beside it. All that fall: look in front of the service. A method alone: no route was met, or the login could not be read.',
            unit: 'reqps',
            queries: [{ expr: sum(rate(`${REQUESTS}_count`, ROUTE), NAMED), legend: NAME }],
            links: [toTraces],
            table: true,
          }),
          graph({
            title: 'Answers by class',
            description:
              'Requests a second by the class of their status. Much 4xx: a client with a fault or somebody who probes, see the routes. 5xx: this service or what it needs is failing, see /readyz.',
            unit: 'reqps',
            draw: 'stacked',
            palette: 'answers',
            queries: [
              {
                expr: sum(
                  `label_replace(${rate(`${REQUESTS}_count`, ROUTE)}, "class", "\${1}xx", "http_response_status_code", "(.)..")`,
                  'class',
                ),
                legend: '{{class}}',
              },
            ],
          }),
          graph({
            title: 'Failed requests by route',
            description:
              'Part of each route that was answered by 5xx. Click a line for its failed traces. All routes at once, or a method alone: the database. The sessions alone: see the dashboard Bottleneck, row Model.',
            unit: 'percentunit',
            queries: [
              {
                expr: ratio(
                  `(${sum(rate(`${REQUESTS}_count`, `${ROUTE}, ${FAILED}`), NAMED)} or 0 * ${sum(rate(`${REQUESTS}_count`, ROUTE), NAMED)})`,
                  sum(rate(`${REQUESTS}_count`, ROUTE), NAMED),
                ),
                legend: NAME,
              },
            ],
            limits: { warn: 0.005, bad: 0.02 },
            links: [toFailures],
            table: true,
          }),
          graph({
            title: 'Refused requests by route',
            description:
              'Requests a second that were answered by 4xx. 401 and 403: cookies or origins, look at a deployment of the frontend. 429: the limit of a user, or the queue is full. 422 and 400: the contract, compare with /docs.',
            unit: 'reqps',
            queries: [
              {
                expr: sum(
                  rate(`${REQUESTS}_count`, `${ROUTE}, http_response_status_code=~"4.."`),
                  'http_response_status_code, http_route',
                ),
                legend: '{{http_response_status_code}} {{http_route}}',
              },
            ],
            table: true,
          }),
        ],
      },
      {
        title: 'Latency',
        panels: [
          graph({
            title: 'Latency percentiles',
            description:
              'Of the chosen routes, without streams and long polls, which last as long as their clients wait. p95 that rises alone: one route or one user, see beside it. All that rise: saturation, see below. Then the dashboard Bottleneck.',
            unit: 's',
            palette: 'percentiles',
            queries: percentiles(REQUESTS, SHORT),
          }),
          graph({
            title: 'p95 by route',
            description:
              'The slow end of each route. Click a line for its traces; the step that is answerable is on the dashboard Bottleneck. Routes that end in events or status wait for their client by design.',
            unit: 's',
            queries: [{ expr: quantile(0.95, REQUESTS, ROUTE, NAMED), legend: NAME }],
            links: [toTraces],
            table: true,
          }),
          heatmap({
            title: 'Latency heatmap',
            description:
              'Requests by duration, without streams and long polls. Two bands: two kinds of requests, for instance cache hits and misses; a second band that is new is what to explain. A band at one height: a time limit is hit.',
            unit: 's',
            width: 24,
            queries: buckets(REQUESTS, SHORT),
          }),
        ],
      },
      {
        title: 'Objectives',
        panels: OBJECTIVES.map(({ name, slo, description }) =>
          graph({
            title: `${name}: burn rate`,
            description: `How many times too fast the error budget is spent; 1 spends it in exactly 30 days. ${description} Both windows of 1 h above 14.4 or of 6 h above 6 page; see docs/runbook.md.`,
            unit: 'short',
            queries: burnRates(slo),
            limits: { warn: 6, bad: 14.4 },
            width: 8,
            palette: 'windows',
          }),
        ),
      },
      {
        title: 'Saturation',
        panels: [
          graph({
            title: 'How full it is',
            description:
              'The fullest process of each kind of resource, 100 % is the end. Event loop: add processes. Database pool: see Runtime, then slow statements. Memory: a leak if it never falls. Queue or slots: add workers.',
            unit: 'percentunit',
            whole: true,
            limits: { warn: 0.7, bad: 0.9 },
            queries: [
              { expr: `max(nodejs_eventloop_utilization{${INSTANCE}})`, legend: 'event loop' },
              {
                expr: `max(sum by (instance) (db_client_connection_count{${INSTANCE}, db_client_connection_state="used"}) / sum by (instance) (db_client_connection_max{${INSTANCE}}))`,
                legend: 'database pool',
              },
              {
                expr: `max(process_memory_usage_bytes{${INSTANCE}} / meari_process_memory_limit_bytes{${INSTANCE}})`,
                legend: 'memory',
              },
              {
                expr: `max(meari_session_queue_depth{${INSTANCE}, status="queued"}) / max(meari_session_queue_limit{${INSTANCE}})`,
                legend: 'queue',
              },
              {
                expr: 'max(meari_session_queue_depth{status="processing"}) / (sum(meari_session_slots) > 0)',
                legend: 'execution slots',
              },
            ],
          }),
          graph({
            title: 'Open streams',
            description:
              'Clients that follow a session, by format. Each costs memory and a subscription: 5 000 fit into one process. A steady rise without traffic: clients that never leave, or a proxy that keeps connections.',
            unit: 'short',
            draw: 'stacked',
            queries: [
              {
                expr: orZero(sum(`meari_session_streams_open{${INSTANCE}}`, 'format'), 'format'),
                legend: '{{format}}',
              },
            ],
          }),
        ],
      },
    ],
  });
