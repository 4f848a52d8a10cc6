import { runningTelemetry } from '../../src/profiling/telemetry.ts';
import { startSlowApp } from '../../test/support/slow-app.ts';

/** A process that is asked once for a route with a statement for each row, and sends the trace of that. */
{
  await using app = await startSlowApp();
  await (await fetch(`${app.url}/slow/sessions`, { method: 'POST' })).text();
}
await runningTelemetry()?.shutdown();
process.exit(0);
