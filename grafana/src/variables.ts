import {
  QueryVariableBuilder,
  TextBoxVariableBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';

/** One, several or all values of a label that there are in the time range. */
function labelValues(name: string, label: string, query: string, description: string): QueryVariableBuilder {
  return (
    new QueryVariableBuilder(name)
      .label(label)
      .description(description)
      .datasource({ type: 'prometheus', uid: 'prometheus' })
      .query({ query, refId: name })
      .refresh(VariableRefresh.OnTimeRangeChanged)
      .sort(VariableSort.AlphabeticalAsc)
      .multi(true)
      .includeAll(true)
      // Also what has no such label, as a request that met no route.
      .allValue('.*')
      .current({ text: 'All', value: '$__all' })
  );
}

export const instance = () =>
  labelValues(
    'instance',
    'Instance',
    'label_values(up{job=~"meari-.+"}, instance)',
    'Processes of the service.',
  );

/** @param first what is chosen until somebody chooses; all unless given. */
export const route = (first?: string) => {
  const routes = labelValues(
    'route',
    'Route',
    'label_values(http_server_request_duration_seconds_count{instance=~"$instance"}, http_route)',
    'Templates of the routes that were asked for.',
  );
  return first === undefined ? routes : routes.current({ text: [first], value: [first] });
};

export const step = () =>
  labelValues(
    'step',
    'Step',
    'label_values(meari_session_step_duration_seconds_count{instance=~"$instance"}, step)',
    'Steps of the session pipeline.',
  );

/** Where the browser of whoever looks at a dashboard finds the profiler: not always where Prometheus finds it. */
export const profiler = () =>
  new TextBoxVariableBuilder('profiler')
    .label('Profiler')
    .description('Address of the profiler of one process, on its ops listener.')
    .defaultValue('http://localhost:9464/profiler');
