import { startTelemetry } from './src/profiling/telemetry.ts';

startTelemetry({ serviceName: 'meari-api' });
