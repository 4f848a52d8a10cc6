import { getNodeAutoInstrumentations } from '@opentelemetry/auto-instrumentations-node';
import { NodeSDK } from '@opentelemetry/sdk-node';

/** What a project gets that follows the OpenTelemetry guide for Node: nothing is turned off. */
new NodeSDK({ serviceName: 'bench-stock', instrumentations: [getNodeAutoInstrumentations()] }).start();
