import { startTelemetry } from '../../src/profiling/telemetry.ts';

/**
 * Stricter than in service: three calls for three rows are a loop already, however fast the database is here. What the
 * scenarios read is few rows.
 */
startTelemetry({ serviceName: 'meari-profile-check', thresholds: { repeatedCalls: 3, repeatedMs: 0 } });
