import { buildDashboard } from './dashboard.ts';
import { profilerView } from './links.ts';
import { graph, stat } from './panels.ts';
import { INSTANCE, increase, orZero, percentiles, rate, sum } from './queries.ts';
import { instance, profiler } from './variables.ts';

const of = (metric: string) => `${metric}{${INSTANCE}}`;
const maxBy = (metric: string) => `max by (instance) (${of(metric)})`;

const toCpu = profilerView('CPU profile', 'cpu');
const toLive = profilerView('The process live', 'live');

/** Whether the processes themselves are well. */
export const runtime = () =>
  buildDashboard({
    uid: 'meari-runtime',
    title: 'Meari / Runtime',
    description:
      'The processes: event loop, garbage collection, memory, database pool, streams, and what the profiling layer takes.',
    variables: [instance(), profiler()],
    rows: [
      {
        panels: [
          stat({
            title: 'Busiest event loop',
            description:
              'Part of the time in which the event loop of the busiest process had work. Above 70 % requests wait for each other: add processes, or find out by a CPU profile what takes it.',
            unit: 'percentunit',
            expr: `max(${of('nodejs_eventloop_utilization')})`,
            limits: { warn: 0.7, bad: 0.9 },
            links: [toCpu],
          }),
          stat({
            title: 'Event loop delay, p99',
            description:
              'By how much callbacks run late in the worst process; 20 ms of it is the clock of the measurement. Above 100 ms something blocks: see the finding event-loop-blocked, and take a CPU profile.',
            unit: 's',
            expr: `max(${of('nodejs_eventloop_delay_p99_seconds')})`,
            limits: { warn: 0.05, bad: 0.1 },
            links: [toCpu],
          }),
          stat({
            title: 'Memory, fullest process',
            description:
              'Resident memory as a part of what the container allows. Above 90 % the kernel ends the process soon: raise the limit if it is flat, look for a leak if it grows.',
            unit: 'percentunit',
            expr: `max(${of('process_memory_usage_bytes')} / ${of('meari_process_memory_limit_bytes')})`,
            limits: { warn: 0.8, bad: 0.9 },
          }),
          stat({
            title: 'Heap, fullest process',
            description:
              'What the heap holds as a part of what V8 allows it. Above 85 % collections take over: raise --max-old-space-size, or look for a leak.',
            unit: 'percentunit',
            expr: `max(${of('meari_process_heap_used_bytes')} / ${of('meari_process_heap_limit_bytes')})`,
            limits: { warn: 0.7, bad: 0.85 },
          }),
          stat({
            title: 'Waiting for a connection',
            description:
              'Requests that wait for a connection of the database pool, all processes. More than a few for long: DATABASE_POOL_MAX is too small, or a statement keeps its connection.',
            unit: 'short',
            expr: `sum(${of('db_client_connection_pending_requests')})`,
            limits: { warn: 1, bad: 10 },
          }),
          stat({
            title: 'Profiling, of its limit',
            description:
              'What the profiling layer takes for a request as a part of what it may take. At 100 % it stops to take traces by itself; metrics go on.',
            unit: 'percentunit',
            expr: `max(sum by (instance) (${of('meari_profiler_cost_seconds')}) / sum by (instance) (${of('meari_profiler_cost_limit_seconds')}))`,
            limits: { warn: 0.7, bad: 1 },
            links: [toLive],
          }),
        ],
      },
      {
        title: 'Event loop',
        panels: [
          graph({
            title: 'Utilisation by process',
            description:
              'Part of the time in which the event loop had work. One process far above the others: the load is not spread, look at the load balancer. All high: add processes.',
            unit: 'percentunit',
            whole: true,
            limits: { warn: 0.7, bad: 0.9 },
            queries: [{ expr: maxBy('nodejs_eventloop_utilization'), legend: '{{instance}}' }],
            links: [toLive, toCpu],
          }),
          graph({
            title: 'Delay',
            description:
              'By how much callbacks run late, in the worst process of each moment; 20 ms of it is the clock of the measurement. A max that jumps alone: one long piece of code or a collection. All that rise: too much work.',
            unit: 's',
            palette: 'percentiles',
            queries: (['p50', 'p90', 'p99', 'max'] as const).map((part) => ({
              expr: `max(${of(`nodejs_eventloop_delay_${part}_seconds`)})`,
              legend: part,
            })),
            links: [toCpu],
          }),
        ],
      },
      {
        title: 'Memory and garbage collection',
        panels: [
          graph({
            title: 'Resident memory by process',
            description:
              'What the kernel counts. A saw is usual; a line that only rises for hours is a leak: compare with the heap beside it, and if that is flat look for buffers and open streams.',
            unit: 'bytes',
            width: 8,
            queries: [
              { expr: maxBy('process_memory_usage_bytes'), legend: '{{instance}}' },
              { expr: `min(${of('meari_process_memory_limit_bytes')})`, legend: 'limit' },
            ],
            palette: 'limits',
          }),
          graph({
            title: 'Heap by space',
            description:
              'What the heaps hold, all processes. old_space that rises and never falls: a leak of objects, take a heap snapshot. new_space is rubbish of the moment. large_object_space: big strings or arrays.',
            unit: 'bytes',
            width: 8,
            draw: 'stacked',
            queries: [
              {
                expr: `${sum(of('v8js_memory_heap_used_bytes'), 'v8js_heap_space_name')} > 0`,
                legend: '{{v8js_heap_space_name}}',
              },
            ],
          }),
          graph({
            title: 'Time in garbage collection',
            description:
              'Part of the time of a process that collections took, by kind. Above 10 %: too little heap (many major ones) or too much rubbish (many minor ones): a CPU profile shows who makes it.',
            unit: 'percentunit',
            width: 8,
            draw: 'stacked',
            limits: { warn: 0.05, bad: 0.1 },
            queries: [
              {
                expr: `avg by (v8js_gc_type) (${rate('v8js_gc_duration_seconds_sum', INSTANCE)})`,
                legend: '{{v8js_gc_type}}',
              },
            ],
            links: [toCpu],
          }),
        ],
      },
      {
        title: 'Database pool',
        panels: [
          graph({
            title: 'Connections',
            description:
              'Connections of all pools by state, and how many there may be. Used at the limit: requests wait; find the statement that keeps its connection before making the pool larger. The database has a limit of its own for all processes.',
            unit: 'short',
            width: 8,
            draw: 'lines',
            palette: 'outcomes',
            queries: [
              {
                expr: sum(of('db_client_connection_count'), 'db_client_connection_state'),
                legend: '{{db_client_connection_state}}',
              },
              { expr: `sum(${of('db_client_connection_max')})`, legend: 'limit' },
            ],
          }),
          graph({
            title: 'Wait for a connection',
            description:
              'Until a connection was there. Above 50 ms the pool is the bottleneck: see the finding pool-exhausted for who waits.',
            unit: 's',
            width: 8,
            palette: 'percentiles',
            queries: percentiles('db_client_connection_wait_time_seconds', INSTANCE),
          }),
          graph({
            title: 'Given up',
            description:
              'Requests a second that got no connection in time, and statements that the database gave up at their time limit. Any of them is an error for a user: look at the database first (locks, load).',
            unit: 'ops',
            width: 8,
            queries: [
              {
                expr: orZero(sum(rate('db_client_connection_timeouts_total', INSTANCE))),
                legend: 'no connection',
              },
              {
                expr: orZero(sum(rate('meari_database_statements_cancelled_total', INSTANCE))),
                legend: 'statement cancelled',
              },
            ],
          }),
        ],
      },
      {
        title: 'Streams and handles',
        panels: [
          graph({
            title: 'Open streams by process',
            description:
              'Clients that follow a session. One process far above the others: its clients do not spread after a deployment. 5 000 fit into a process.',
            unit: 'short',
            queries: [
              {
                expr: orZero(sum(of('meari_session_streams_open'), 'instance'), 'instance'),
                legend: '{{instance}}',
              },
            ],
          }),
          graph({
            title: 'What keeps the process busy',
            description:
              'Sockets, timers and other handles of Node, by kind. One that only rises is a leak: TCPSocketWrap of connections, Timeout of timers.',
            unit: 'short',
            queries: [
              {
                expr: sum(of('v8js_resource_active'), 'v8js_resource_type'),
                legend: '{{v8js_resource_type}}',
              },
            ],
            table: true,
          }),
        ],
      },
      {
        title: 'What the profiling layer takes',
        panels: [
          graph({
            title: 'Processor time a request',
            description:
              'Measured inside the layer on a sample of the requests: until the answer and after it, and what it may take. Near the limit it stops to take traces for a while; a route with very many spans makes it dear.',
            unit: 's',
            width: 8,
            queries: [
              { expr: `max by (phase) (${of('meari_profiler_cost_seconds')})`, legend: '{{phase}}' },
              { expr: `min(${of('meari_profiler_cost_limit_seconds')})`, legend: 'limit' },
            ],
            palette: 'limits',
          }),
          graph({
            title: 'Memory of the trace store',
            description:
              'What traces, routes and findings take in each process, and what they may. It fills and stays full by design: old traces make room for new ones.',
            unit: 'bytes',
            width: 8,
            palette: 'limits',
            queries: [
              { expr: maxBy('meari_profiler_store_size_bytes'), legend: '{{instance}}' },
              { expr: `min(${of('meari_profiler_store_limit_bytes')})`, legend: 'limit' },
            ],
          }),
          graph({
            title: 'What is not kept',
            description:
              'Traces and spans in each interval that were let go: evicted for others, thinned because they are like others, too large, or spans beyond 2 000 of a trace. Much "span": a loop that makes a span each round, see Findings.',
            unit: 'short',
            width: 8,
            draw: 'bars',
            queries: [
              {
                expr: sum(increase('meari_profiler_store_lost_total', INSTANCE), 'what'),
                legend: '{{what}}',
              },
            ],
          }),
        ],
      },
    ],
  });
