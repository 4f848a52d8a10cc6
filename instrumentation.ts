import packageJson from './package.json' with { type: 'json' };
import { startTelemetry } from './src/profiling/telemetry.ts';

const { TRACES_SLOW_MS: slowMs } = process.env;

const SESSIONS = '/api/v1/meari/sessions';

/** Milliseconds: the objectives of `docs/runbook.md`. What waits for a session on purpose is never slow itself. */
const OBJECTIVES = {
  byName: {
    [`POST ${SESSIONS}`]: 10_000,
    'process meari-sessions': 10_000,
    [`GET ${SESSIONS}/:sessionId/events`]: Number.POSITIVE_INFINITY,
    [`GET ${SESSIONS}/:sessionId/status`]: Number.POSITIVE_INFINITY,
  },
  otherwise: 300,
};

startTelemetry({
  serviceName: 'meari-api',
  serviceVersion: packageJson.version,
  slowMs: slowMs ? { byName: {}, otherwise: Number(slowMs) } : OBJECTIVES,
});
