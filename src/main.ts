import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Config, readConfig } from './config.ts';
import { createContainer } from './container.ts';
import { StartupError } from './errors.ts';
import { createLogger, describeError, type Logger } from './log.ts';
import { profilerUrl } from './profiling/profiler-page.ts';
import { runningTelemetry } from './profiling/telemetry.ts';
import { welcome } from './welcome.ts';

/** Milliseconds from the signal to the exit, whatever still runs. */
const SHUTDOWN_LIMIT_MS = 10_000;

async function main(): Promise<void> {
  // From the first moment, so that a signal during the start does not leave a database behind.
  const signalled = firstSignal('SIGTERM', 'SIGINT');
  const config = readConfig(process.env);
  const log = createLogger(config.logLevel);
  runningTelemetry()?.onExportChange(({ state, ...change }) =>
    log[state === 'failing' ? 'warn' : 'info'](change, `telemetry export ${state}`),
  );
  const resources = new AsyncDisposableStack();
  // Last, so that it sends what the shutdown itself recorded.
  resources.defer(async () => runningTelemetry()?.shutdown());
  try {
    await serveUntil(signalled, config, log, resources);
  } finally {
    await resources.disposeAsync();
  }
}

async function serveUntil(
  signalled: Promise<NodeJS.Signals>,
  config: Config,
  log: Logger,
  resources: AsyncDisposableStack,
): Promise<void> {
  // Bound before anything is started: a taken port costs no second.
  const api = config.role === 'worker' ? undefined : await listen('PORT', config.api.port, config.api.host);
  if (api) resources.defer(() => closeServer(api));
  const ops = await listen('OPS_PORT', config.ops.port, config.ops.host);
  resources.defer(() => closeServer(ops));

  // Port 0 is another one by now.
  const opsAddress = { ...config.ops, port: portOf(ops) };
  const container = await createContainer({ ...config, ops: opsAddress }, log);
  resources.defer(() => container.close());
  if (api && container.app) api.off('request', answerStarting).on('request', container.app);
  ops.off('request', answerStarting).on('request', container.opsApp);
  process.stdout.write(
    welcome({
      apiPort: api && portOf(api),
      opsHost: opsAddress.host,
      opsPort: opsAddress.port,
      profiler: config.environment !== 'production' && config.profiler ? profilerUrl(opsAddress) : undefined,
    }),
  );

  const signal = await signalled;
  log.info({ signal }, 'stopping');
  setTimeout(() => process.exit(1), SHUTDOWN_LIMIT_MS).unref();
  await Promise.all([container.stop(), api && closeServer(api), closeServer(ops)]);
}

function firstSignal(...signals: NodeJS.Signals[]): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    // `on`, not `once`: a second Ctrl-C must not cut the shutdown short and leave the database running.
    for (const signal of signals) process.on(signal, resolve);
  });
}

async function listen(variable: string, port: number, host: string | undefined): Promise<Server> {
  const server = createServer(answerStarting);
  await new Promise<void>((listening, fail) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const reason =
        cause.code === 'EADDRINUSE'
          ? `${variable}: port ${port} is taken by another process: set ${variable} to another`
          : `${variable}, ${variable.replace('PORT', 'HOST')}: ${host ?? '*'}:${port} cannot be used (${cause.code})`;
      fail(new StartupError(reason, { cause }));
    });
    server.listen({ port, host }, listening);
  });
  return server;
}

function answerStarting(_req: IncomingMessage, res: ServerResponse): void {
  res.writeHead(503, { 'Retry-After': '1', 'Content-Type': 'application/json' }).end('{"status":"starting"}');
}

/** Milliseconds that clients get to take their answers once the service stops. */
const LAST_ANSWERS_MS = 2_000;

/** Takes no more connections, lets the requests under way be answered, and then ends what is still open. */
async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  // A client that keeps its connection, or sends a request and never ends it, would hold the server open.
  const idle = setInterval(() => server.closeIdleConnections(), 50);
  const rest = setTimeout(() => server.closeAllConnections(), LAST_ANSWERS_MS);
  await closed;
  clearInterval(idle);
  clearTimeout(rest);
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

try {
  await main();
  process.exit(0);
} catch (error) {
  if (error instanceof StartupError) process.stderr.write(`meari: ${error.message}\n`);
  else createLogger('error').fatal({ err: describeError(error) }, 'ended by an error');
  process.exit(1);
}
