import { buildDashboard } from './dashboard.ts';
import { JOB_SPAN, profilerView, traces } from './links.ts';
import { graph, heatmap, stat } from './panels.ts';
import {
  buckets,
  INSTANCE,
  increase,
  mean,
  named,
  orZero,
  percentiles,
  quantile,
  ROUTE,
  rate,
  ratio,
  sum,
} from './queries.ts';
import { instance, profiler, route, step } from './variables.ts';

const PATH = 'meari_profiler_critical_path_seconds_total';
const STEPS = 'meari_session_step_duration_seconds';
const STATEMENTS = 'http_server_request_statements';
const MODEL = 'gen_ai_client_operation_duration_seconds';
/** What is chosen at first: the one route that is worth most. */
const SESSIONS = '/api/v1/meari/sessions';
const NAMED = 'http_request_method, http_route';
/** The job of a session: in its worker, or in the process that answered. */
const JOB = `${INSTANCE}, http_route="", route="${JOB_SPAN}"`;
const CHOSEN_STEP = `${INSTANCE}, step=~"$step"`;

const toStep = traces('Traces with this step in Jaeger', { operation: '${__field.labels.step}' });
const toRoute = traces('Traces of this route in Jaeger', {
  operation: '${__field.labels.http_request_method} ${__field.labels.http_route}',
});
/** By its own span: a session whose calls fail does not fail itself. */
const toFailedCalls = traces('Failed calls in Jaeger', {
  operation: 'chat ${__field.labels.gen_ai_request_model}',
  tags: 'error=true',
});
const toFindings = profilerView('Findings in the profiler', 'findings');
const toProfiler = profilerView('Routes in the profiler', 'routes');
/** The profiler's key of a route: a slash in it would be one of the address otherwise. */
const toRouteInProfiler = profilerView(
  'This route in the profiler',
  'routes/${__field.labels.http_request_method}%20${__field.labels.http_route:percentencode}',
);

/** Parts of the critical path sum to 1 at each moment; there are none where nothing was done. */
function shareOfPath(filter: string): string {
  const time = rate(PATH, filter);
  return `${sum(time, 'step')} / on () group_left () (${sum(time)} > 0)`;
}

/** Which step, which statement, which call: the way from "slow" to a line of code. */
export const bottleneck = () =>
  buildDashboard({
    uid: 'meari-bottleneck',
    title: 'Meari / Find the bottleneck',
    description: 'From "it is slow" to the step, the traces of it and the line of code.',
    variables: [instance(), route(SESSIONS), step(), profiler()],
    rows: [
      {
        panels: [
          stat({
            title: 'Bottleneck',
            description:
              'The step that most of the time of a session depends on, in its worker, or of the chosen routes where one process does everything. Nothing else makes it faster. Open its traces, or the profiler for the line of code.',
            unit: 'percentunit',
            expr: `topk(1, (${shareOfPath(JOB)}) or on () (${shareOfPath(ROUTE)}))`,
            legend: '{{step}}',
            named: true,
            links: [toStep, toProfiler],
            decimals: 0,
          }),
          stat({
            title: 'Slowest step, p95',
            description:
              'The step of the session pipeline with the longest slow end. Above 10 s a session misses its objective by this step alone: see the row Steps.',
            unit: 's',
            expr: `topk(1, ${quantile(0.95, STEPS, INSTANCE, 'step')})`,
            legend: '{{step}}',
            named: true,
            limits: { warn: 5, bad: 10 },
            links: [toStep],
            empty: 'no sessions',
          }),
          stat({
            title: 'Critical findings, 1 h',
            description:
              'Occurrences of what the profiler holds for a fault in the code: N+1 statements, a blocked event loop, an exhausted pool. Each is in the profiler with evidence and a line of code.',
            unit: 'short',
            expr: `sum(increase(meari_profiler_findings_total{${INSTANCE}, severity="critical"}[1h]))`,
            limits: { warn: 1, bad: 20 },
            links: [toFindings],
            decimals: 0,
          }),
          stat({
            title: 'Cache hits',
            description:
              'Part of the look-ups that needed no load. Below a half the caches are a detour: see the row Caches for which one. After a deployment it is low for some minutes.',
            unit: 'percentunit',
            expr: ratio(
              sum(rate('meari_cache_lookups_total', `${INSTANCE}, result=~"l1|l2|stale|coalesced"`)),
              sum(rate('meari_cache_lookups_total', INSTANCE)),
            ),
            limits: { warn: 0.5, bad: 0.2 },
          }),
          stat({
            title: 'Failed model calls',
            description:
              'Part of the calls to the model that failed. Keys and retries absorb some; above 20 % parts of sessions come from the fallback writer: see the row Model, and the status page of the provider.',
            unit: 'percentunit',
            expr: ratio(
              `(${orZero(sum(rate(`${MODEL}_count`, `${INSTANCE}, error_type!=""`)))})`,
              sum(rate(`${MODEL}_count`, INSTANCE)),
            ),
            limits: { warn: 0.05, bad: 0.2 },
            empty: 'no model calls',
          }),
          stat({
            title: 'Wait in the queue, p95',
            description:
              'From the acceptance of a session to its first run. Above a second there are too few workers or slots: open the dashboard Workers.',
            unit: 's',
            expr: quantile(0.95, 'meari_session_queue_wait_seconds', INSTANCE),
            limits: { warn: 1, bad: 10 },
            empty: 'no sessions',
          }),
        ],
      },
      {
        title: 'Where the time goes',
        panels: [
          graph({
            title: 'Critical path of requests',
            description:
              'Whose the time of the chosen routes is, as parts of it: work that runs beside the critical path is not in it. The widest band is what to make faster. "wait in the queue" wide: too few workers. A route\'s own name: its own code, or a wait for another process. Click a band for its traces.',
            unit: 'percentunit',
            draw: 'shares',
            palette: 'steps',
            queries: [{ expr: shareOfPath(ROUTE), legend: '{{step}}' }],
            links: [toStep, toProfiler],
            table: true,
          }),
          graph({
            title: 'Critical path of sessions',
            description:
              'The same for the jobs that execute sessions, where workers run apart from the API. A step of the model wide: that is its price, see Model. A statement wide: see Database, then the profiler. Where one process does everything, this is a part of the route.',
            unit: 'percentunit',
            draw: 'shares',
            palette: 'steps',
            queries: [{ expr: shareOfPath(JOB), legend: '{{step}}' }],
            links: [toStep, toProfiler],
            table: true,
          }),
        ],
      },
      {
        title: 'Steps',
        panels: [
          graph({
            title: 'Step p50',
            description:
              'What a step usually takes. One that rises for all sessions: the model, the database or an external API behind it has become slower, not single requests. Click a line for its traces.',
            unit: 's',
            palette: 'steps',
            queries: [{ expr: quantile(0.5, STEPS, CHOSEN_STEP, 'step'), legend: '{{step}}' }],
            links: [toStep],
          }),
          graph({
            title: 'Step p95',
            description:
              'The slow end of a step. Far above its p50: retries, waits for the limiter, cold caches; open its traces with the longest first.',
            unit: 's',
            palette: 'steps',
            queries: [{ expr: quantile(0.95, STEPS, CHOSEN_STEP, 'step'), legend: '{{step}}' }],
            links: [toStep],
          }),
        ],
      },
      {
        title: 'Heatmap of each step',
        folded: true,
        panels: [
          heatmap({
            title: 'Step $step',
            description:
              'Runs of this step by duration. A second band above the usual one: retries or cold caches. A band at the time limit: it is given up there, look for errors of this step.',
            unit: 's',
            width: 8,
            repeat: 'step',
            queries: buckets(STEPS, CHOSEN_STEP),
          }),
        ],
      },
      {
        title: 'Database',
        panels: [
          graph({
            title: 'Statements a request',
            description:
              'The mean number of statements that a request waits for. It must not grow with the data: if it does, something asks a row at a time, and the profiler has an N+1 finding with the line. Click a line for its traces.',
            unit: 'short',
            queries: [
              {
                expr: mean(STATEMENTS, ROUTE, NAMED),
                legend: '{{http_request_method}} {{http_route}}',
              },
            ],
            links: [toRoute, toRouteInProfiler],
            table: true,
          }),
          graph({
            title: 'Statement p95',
            description:
              'The slow end of statements, by operation. All that rise: the database is busy or waits for locks. One that rises: a plan has changed or an index is missing; the profiler lists slow statements.',
            unit: 's',
            queries: [
              {
                expr: quantile(0.95, 'db_client_operation_duration_seconds', INSTANCE, 'db_operation_name'),
                legend: '{{db_operation_name}}',
              },
            ],
            links: [toFindings],
          }),
          graph({
            title: 'Findings',
            description:
              'Occurrences in each interval by rule. n-plus-one, redundant-reads: mend the line that the profiler names. sequential-steps: steps that could run at once. model-dominates is a remark, no fault. A rule that is new after a deployment came with it.',
            unit: 'short',
            draw: 'bars',
            width: 24,
            queries: [
              { expr: sum(increase('meari_profiler_findings_total', INSTANCE), 'rule'), legend: '{{rule}}' },
            ],
            links: [toFindings],
            table: true,
          }),
        ],
      },
      {
        title: 'Caches',
        panels: [
          graph({
            title: 'Hits by cache',
            description:
              'Part of the look-ups of each cache that needed no load. One that falls: its keys have become too many for its size, or its time to live is too short. Low for words is right when users write words of their own.',
            unit: 'percentunit',
            whole: true,
            width: 8,
            queries: [
              {
                expr: ratio(
                  sum(
                    rate('meari_cache_lookups_total', `${INSTANCE}, result=~"l1|l2|stale|coalesced"`),
                    'cache',
                  ),
                  sum(rate('meari_cache_lookups_total', INSTANCE), 'cache'),
                ),
                legend: '{{cache}}',
              },
            ],
          }),
          graph({
            title: 'Time saved by cache',
            description:
              'Since the start of the processes: hits times what a miss takes longer. Below zero a cache costs more than it brings: make its loads worth keeping, or take it away.',
            unit: 's',
            width: 8,
            queries: [
              { expr: sum(`meari_cache_saved_time_seconds{${INSTANCE}}`, 'cache'), legend: '{{cache}}' },
            ],
          }),
          graph({
            title: 'Faults of the second level',
            description:
              'Times a second that Redis did not answer the caches, refused, or kept no entry. The service goes on with the first level and more loads; mend Redis: docs/runbook.md.',
            unit: 'ops',
            width: 8,
            queries: [
              {
                expr: orZero(sum(rate('meari_cache_second_level_faults_total', INSTANCE), 'kind'), 'kind'),
                legend: '{{kind}}',
              },
            ],
          }),
        ],
      },
      {
        title: 'Model (with WRITER=llm)',
        panels: [
          graph({
            title: 'Call duration',
            description:
              'Calls to the model from the request to the last word. All percentiles that rise: the provider is slow, see its status page; take a faster model or shorter prompts. A p99 at LLM_TIMEOUT_MS: calls are given up.',
            unit: 's',
            width: 8,
            palette: 'percentiles',
            queries: percentiles(MODEL, INSTANCE),
          }),
          graph({
            title: 'Wait for the first words, and for a place',
            description:
              'p95 of what a call takes to its first words, and of what it waits before for the limits of the provider. A wait for a place: LLM_MAX_RPM or LLM_MAX_CONCURRENT is reached, add keys or raise the quota.',
            unit: 's',
            width: 8,
            queries: [
              {
                expr: quantile(0.95, 'gen_ai_client_operation_time_to_first_chunk_seconds', INSTANCE),
                legend: 'first words',
              },
              { expr: quantile(0.95, 'meari_llm_wait_duration_seconds', INSTANCE), legend: 'limiter' },
            ],
          }),
          graph({
            title: 'Calls by result',
            description:
              'Calls a second by how they ended. rate_limited: the quota. unavailable, connection, timeout: the provider. invalid_answer: the prompt or a new model. key_refused: a key was withdrawn.',
            unit: 'ops',
            draw: 'stacked',
            palette: 'calls',
            width: 8,
            queries: [
              {
                expr: named(
                  sum(rate(`${MODEL}_count`, INSTANCE), 'error_type, gen_ai_request_model'),
                  'error_type',
                  'ok',
                ),
                legend: '{{error_type}}',
              },
            ],
            links: [toFailedCalls],
          }),
          graph({
            title: 'Tokens',
            description:
              'Tokens a second that go in and come out. Much more in than out is usual; a jump without more sessions: a prompt has grown, or parts are written twice.',
            unit: 'ops',
            width: 8,
            draw: 'stacked',
            queries: [
              {
                expr: sum(rate('gen_ai_client_token_usage_sum', INSTANCE), 'gen_ai_token_type'),
                legend: '{{gen_ai_token_type}}',
              },
            ],
          }),
          graph({
            title: 'Cost of the last hour',
            description:
              'What the calls of the last hour cost by LLM_PRICES, by what was written. It grows with sessions; faster than them: longer answers or retries. Cached words cost nothing.',
            unit: 'currencyUSD',
            width: 8,
            draw: 'stacked',
            queries: [
              {
                expr: orZero(`sum by (part) (increase(meari_llm_cost_total{${INSTANCE}}[1h]))`, 'part'),
                legend: '{{part}}',
              },
            ],
          }),
          graph({
            title: 'Retries and fallbacks',
            description:
              'Calls a second that were made again, and parts that the fallback writer wrote, by why. Fallbacks mean that users get words of the corpus (degraded: true): mend what is named.',
            unit: 'ops',
            width: 8,
            queries: [
              {
                expr: orZero(sum(rate('meari_llm_retries_total', INSTANCE), 'why'), 'why'),
                legend: 'retry {{why}}',
              },
              {
                expr: orZero(sum(rate('meari_llm_degraded_total', INSTANCE), 'why'), 'why'),
                legend: 'fallback {{why}}',
              },
            ],
          }),
        ],
      },
      {
        title: 'Waiting',
        panels: [
          graph({
            title: 'Wait in the queue',
            description:
              'From the acceptance of a session to its first run. Above a second: too few slots for the traffic, open the dashboard Workers.',
            unit: 's',
            width: 8,
            palette: 'percentiles',
            queries: percentiles('meari_session_queue_wait_seconds', INSTANCE),
          }),
          graph({
            title: 'Unfinished sessions',
            description:
              'Sessions that wait and that are executed. Those that wait grow while those executed stay flat: every slot is taken, add workers.',
            unit: 'short',
            width: 8,
            palette: 'outcomes',
            queries: [
              { expr: `max by (status) (meari_session_queue_depth{${INSTANCE}})`, legend: '{{status}}' },
            ],
          }),
          graph({
            title: 'Wait for a database connection',
            description:
              'Until a connection of the pool was there. Above 50 ms the pool is too small for the statements that run at once, or one of them keeps its connection: see Findings for pool-exhausted.',
            unit: 's',
            width: 8,
            palette: 'percentiles',
            queries: percentiles('db_client_connection_wait_time_seconds', INSTANCE),
          }),
        ],
      },
    ],
  });
