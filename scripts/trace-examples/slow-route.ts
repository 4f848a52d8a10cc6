import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { runningTelemetry } from '../../src/profiling/telemetry.ts';
import { startSlowApp } from '../../test/support/slow-app.ts';

/** A process that is asked once for a route with a statement for each row, and sends the trace of that. */
{
  await using app = await startSlowApp();
  // Not `fetch`, whose own span would be above that of the route.
  const asked = request(`${app.url}/slow/sessions`, { method: 'POST' }).end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  await once(answer.resume(), 'end');
}
await runningTelemetry()?.shutdown();
process.exit(0);
