/** One meaning, one colour, on every dashboard. Names of Grafana's own palette, which fits light and dark themes. */
const COLOURS = {
  percentiles: { p50: 'blue', p90: 'purple', p95: 'orange', p99: 'red', max: 'dark-red', mean: 'light-blue' },
  answers: { '2xx': 'green', '3xx': 'blue', '4xx': 'yellow', '5xx': 'red' },
  steps: {
    context: 'light-blue',
    sources: 'blue',
    persona: 'purple',
    empathy: 'orange',
    reflection: 'yellow',
    save: 'green',
    checkpoint: 'light-green',
    'wait in the queue': 'red',
  },
  outcomes: {
    completed: 'green',
    released: 'blue',
    lease_lost: 'yellow',
    failed: 'red',
    queued: 'blue',
    processing: 'green',
    abandoned: 'red',
    used: 'orange',
    idle: 'green',
    limit: 'red',
  },
  calls: {
    ok: 'green',
    rate_limited: 'yellow',
    timeout: 'orange',
    unavailable: 'red',
    connection: 'dark-red',
    request_refused: 'purple',
    invalid_answer: 'blue',
  },
  windows: { '5m': 'light-orange', '1h': 'orange', '6h': 'red', '3d': 'purple' },
  limits: { limit: 'red', used: 'blue' },
} as const;

export type Palette = keyof typeof COLOURS;

/** Series names of a palette and their colours. */
export function coloursOf(palette: Palette): readonly (readonly [name: string, colour: string])[] {
  return Object.entries(COLOURS[palette]);
}
