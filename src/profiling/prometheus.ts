import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';

/** Units as OpenTelemetry writes them (UCUM) and as Prometheus names end. */
const SUFFIXES: Readonly<Record<string, string>> = {
  s: 'seconds',
  ms: 'milliseconds',
  By: 'bytes',
  '%': 'percent',
};

/**
 * The stock exporter with the unit at the end of each name (`http_server_request_duration_seconds`), as the
 * OpenTelemetry specification "Prometheus and OpenMetrics Compatibility" asks; this version leaves it out.
 */
export class UnitSuffixPrometheusExporter extends PrometheusExporter {
  override async collect(...options: Parameters<PrometheusExporter['collect']>) {
    const collected = await super.collect(...options);
    const { resourceMetrics } = collected;
    const scopeMetrics = resourceMetrics.scopeMetrics.map((scope) => ({
      ...scope,
      metrics: scope.metrics.map((metric) => ({
        ...metric,
        descriptor: { ...metric.descriptor, name: withUnit(metric.descriptor.name, metric.descriptor.unit) },
      })),
    }));
    return { ...collected, resourceMetrics: { ...resourceMetrics, scopeMetrics } };
  }
}

function withUnit(name: string, unit: string): string {
  const suffix = SUFFIXES[unit];
  return suffix === undefined || name.endsWith(suffix) ? name : `${name}.${suffix}`;
}
