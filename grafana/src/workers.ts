import { buildDashboard } from './dashboard.ts';
import { JOB_SPAN, traces } from './links.ts';
import { graph, heatmap, stat } from './panels.ts';
import { buckets, INSTANCE, increase, orZero, percentiles, rate, ratio, sum } from './queries.ts';
import { instance } from './variables.ts';

const EXECUTIONS = 'meari_session_executions_total';
const WAIT = 'meari_session_queue_wait_seconds';
const STEPS = 'meari_session_step_duration_seconds';

const toJobs = traces('Traces of jobs in Jaeger', { operation: JOB_SPAN });
const toFailedJobs = traces('Failed jobs in Jaeger', { operation: JOB_SPAN, tags: 'error=true' });
/** A step that is made again fails, and its job does not. */
const toFailedSteps = traces('Failures of this step in Jaeger', {
  operation: '${__field.labels.step}',
  tags: 'error=true',
});

/** Whether accepted sessions get done. */
export const workers = () =>
  buildDashboard({
    uid: 'meari-workers',
    title: 'Meari / Workers and queue',
    description: 'Whether accepted sessions get done: workers, queue, runs, recovery.',
    variables: [instance()],
    rows: [
      {
        panels: [
          stat({
            title: 'Processes that execute',
            description:
              'Processes with slots for sessions that answer Prometheus. Zero: nothing is executed but what the API processes take over; start workers. Fewer than you run: read the log of the one that is gone.',
            unit: 'short',
            expr: orZero(`count(meari_session_slots{${INSTANCE}} > 0)`),
            limits: { warn: 1, bad: 0.5 },
          }),
          stat({
            title: 'Waiting sessions',
            description:
              'Sessions that are accepted and not begun. It must fall back to zero between peaks; if it only grows, add workers before SESSION_QUEUE_LIMIT refuses new ones.',
            unit: 'short',
            expr: `max(meari_session_queue_depth{${INSTANCE}, status="queued"})`,
            limits: { warn: 20, bad: 200 },
          }),
          stat({
            title: 'Oldest that waits',
            description:
              'Since the acceptance of the one that waits longest. Above a minute: no worker takes any, although there may be some; look at Redis and at the log of a worker.',
            unit: 's',
            expr: `max(meari_session_oldest_age_seconds{${INSTANCE}, status="queued"})`,
            limits: { warn: 30, bad: 120 },
          }),
          stat({
            title: 'Slots in use',
            description:
              'Part of the slots of all workers that execute a session. Near 100 % with a queue: add workers, or raise SESSION_CONCURRENCY if their event loops are idle.',
            unit: 'percentunit',
            expr: 'max(meari_session_queue_depth{status="processing"}) / (sum(meari_session_slots) > 0)',
            limits: { warn: 0.8, bad: 0.95 },
          }),
          stat({
            title: 'Failed runs',
            description:
              'Part of the runs that ended in a failure for good. Each is a user without cards: open the failed traces, they name the step.',
            unit: 'percentunit',
            expr: ratio(
              `(${orZero(sum(rate(EXECUTIONS, `${INSTANCE}, outcome="failed"`)))})`,
              sum(rate(EXECUTIONS, INSTANCE)),
            ),
            limits: { warn: 0.005, bad: 0.02 },
            links: [toFailedJobs],
            empty: 'no sessions',
            decimals: 2,
          }),
          stat({
            title: 'Taken over, last hour',
            description:
              'Sessions whose executor was lost and that another has taken over. Each is a worker that died or hung: look for kills by memory (Runtime) and for restarts.',
            unit: 'short',
            expr: orZero(`sum(increase(meari_session_recoveries_total{${INSTANCE}, kind="abandoned"}[1h]))`),
            limits: { warn: 1, bad: 10 },
            decimals: 0,
          }),
        ],
      },
      {
        title: 'Queue',
        panels: [
          graph({
            title: 'Unfinished sessions',
            description:
              'Those that wait and those that are executed. Waiting grows while executed is flat: every slot is taken, add workers. Both at zero with traffic: sessions are not accepted, see Service.',
            unit: 'short',
            palette: 'outcomes',
            queries: [
              { expr: `max by (status) (meari_session_queue_depth{${INSTANCE}})`, legend: '{{status}}' },
            ],
            links: [toJobs],
          }),
          graph({
            title: 'Age of the oldest',
            description:
              'Since the acceptance of the oldest that waits and of the oldest that is executed. Executed above SESSION_TIMEOUT_MS: its executor is lost, recovery must take it over within seconds; if it does not, see docs/runbook.md.',
            unit: 's',
            palette: 'outcomes',
            queries: [
              {
                expr: `max by (status) (meari_session_oldest_age_seconds{${INSTANCE}})`,
                legend: '{{status}}',
              },
            ],
          }),
          graph({
            title: 'Wait for the first run',
            description:
              'From acceptance to the start. Near zero is usual; a p50 above a second means that every user waits: add workers.',
            unit: 's',
            palette: 'percentiles',
            queries: percentiles(WAIT, INSTANCE),
          }),
          heatmap({
            title: 'Wait heatmap',
            description:
              'Sessions by how long they waited. A band that climbs: the queue grows. A band at some 15 s: they waited for the lease of a lost executor.',
            unit: 's',
            queries: buckets(WAIT, INSTANCE),
          }),
        ],
      },
      {
        title: 'Runs',
        panels: [
          graph({
            title: 'Runs by outcome',
            description:
              'Runs that ended, a second. failed: see the failed traces. lease_lost: another took over while this one still ran, its process hangs. released: a shutdown, or the database was away.',
            unit: 'ops',
            draw: 'stacked',
            palette: 'outcomes',
            width: 8,
            queries: [{ expr: sum(rate(EXECUTIONS, INSTANCE), 'outcome'), legend: '{{outcome}}' }],
            links: [toFailedJobs],
          }),
          graph({
            title: 'Runs by process',
            description:
              'Sessions a second that each process finished. One at zero while others work: it takes none, look at its connection to Redis, and restart it.',
            unit: 'ops',
            width: 8,
            queries: [
              {
                expr: sum(rate(EXECUTIONS, `${INSTANCE}, outcome="completed"`), 'instance'),
                legend: '{{instance}}',
              },
            ],
          }),
          graph({
            title: 'Slots',
            description:
              'Sessions that run, and slots that there are. At the limit sessions wait; far below it with a queue: workers do not take them.',
            unit: 'short',
            width: 8,
            palette: 'limits',
            queries: [
              { expr: 'max(meari_session_queue_depth{status="processing"})', legend: 'used' },
              { expr: 'sum(meari_session_slots)', legend: 'limit' },
            ],
          }),
          graph({
            title: 'Steps that did not go well',
            description:
              "Steps a second by how they ended, without the good ones. timeout: the step's limit, see its p95 on Bottleneck. error: click a line for its traces. cancelled: a deleted session or a shutdown.",
            unit: 'ops',
            queries: [
              {
                expr: orZero(
                  sum(rate(`${STEPS}_count`, `${INSTANCE}, outcome!="ok"`), 'step, outcome'),
                  'step',
                ),
                legend: '{{step}} {{outcome}}',
              },
            ],
            links: [toFailedSteps],
          }),
          graph({
            title: 'Runs that a session took',
            description:
              'The mean number of runs of finished sessions: 1 when nothing goes wrong. Above it workers die or lose their leases; after 5 runs a session fails.',
            unit: 'short',
            queries: [
              {
                expr: ratio(
                  sum(rate('meari_session_attempts_sum', INSTANCE)),
                  sum(rate('meari_session_attempts_count', INSTANCE)),
                ),
                legend: 'mean',
              },
            ],
            palette: 'percentiles',
          }),
        ],
      },
      {
        title: 'Recovery',
        panels: [
          graph({
            title: 'Handed out again',
            description:
              'Sessions in each interval that recovery handed out again. abandoned: an executor was lost. queued: they only waited for long, which a full queue explains.',
            unit: 'short',
            draw: 'bars',
            palette: 'outcomes',
            width: 8,
            queries: [
              {
                expr: sum(increase('meari_session_recoveries_total', INSTANCE), 'kind'),
                legend: '{{kind}}',
              },
            ],
          }),
          graph({
            title: 'Leases lost',
            description:
              'Runs in each interval that ended because another had taken over, or the session was deleted. With abandoned beside it: a process hangs for seconds, see its event loop on Runtime.',
            unit: 'short',
            draw: 'bars',
            width: 8,
            queries: [
              {
                expr: orZero(sum(increase('meari_session_leases_lost_total', INSTANCE))),
                legend: 'leases lost',
              },
            ],
          }),
          graph({
            title: 'Past the queue',
            description:
              'Sessions in each interval that the shared queue did not take, executed by the API process that accepted them. Redis is away or slow: mend it, API processes are not made for this load.',
            unit: 'short',
            draw: 'bars',
            width: 8,
            queries: [
              {
                expr: orZero(sum(increase('meari_session_queue_fallbacks_total', INSTANCE))),
                legend: 'executed by the API',
              },
            ],
          }),
        ],
      },
    ],
  });
