import type { Finding, TraceDetail } from '../../src/profiling/model.ts';

/** What one scenario needs, whatever the speed of the machine. */
export interface Needs {
  readonly statements: number;
  /** Declared steps on the critical path. */
  readonly criticalSteps: number;
}

export interface Measured extends Needs {
  /** Candidates that every run of the scenario has shown: what only one has shown is the machine's doing. */
  readonly findings: readonly Finding[];
}

export interface Baseline {
  readonly scenarios: Readonly<Record<string, Needs>>;
  /** Findings that are known and stay, by fingerprint, with the reason. */
  readonly accepted: Readonly<Record<string, string>>;
}

/**
 * The fewest statements that a run needed, because what is kept for some seconds is read again in some of them; and
 * the longest path, because of steps that take about as long now one is on it, now the other.
 */
export function measure(runs: readonly TraceDetail[]): Measured {
  const [first, ...others] = runs.map(({ findingDetails }) => findingDetails);
  return {
    statements: Math.min(...runs.map(({ statements }) => statements)),
    criticalSteps: Math.max(...runs.map(stepsOnPath)),
    findings: (first ?? []).filter(({ fingerprint }) =>
      others.every((findings) => findings.some((other) => other.fingerprint === fingerprint)),
    ),
  };
}

function stepsOnPath({ units }: TraceDetail): number {
  return new Set(units.flatMap(({ criticalPath }) => criticalPath.flatMap(({ step }) => step ?? []))).size;
}

const LOOPS = ['n-plus-one', 'redis-n-plus-one', 'http-n-plus-one'];

/** What has become worse than the baseline, in words; empty when nothing has. */
export function judge(measured: Readonly<Record<string, Measured>>, baseline: Baseline): readonly string[] {
  return Object.entries(measured).flatMap(([scenario, now]) => {
    const before = baseline.scenarios[scenario];
    if (before === undefined)
      return [`${scenario}: is not in the baseline; \`npm run profile:check -- --update\``];
    const found = now.findings.filter(
      ({ rule, severity, fingerprint }) =>
        (LOOPS.includes(rule) || severity === 'critical') && baseline.accepted[fingerprint] === undefined,
    );
    return [
      ...found.map(
        ({ rule, title, callSite, fingerprint }) =>
          `${scenario}: ${rule}: ${title} (${callSite ?? 'line unknown'}, fingerprint ${fingerprint})`,
      ),
      ...(now.statements > before.statements
        ? [`${scenario}: ${now.statements} statements, ${before.statements} in the baseline`]
        : []),
      ...(now.criticalSteps > before.criticalSteps
        ? [
            `${scenario}: ${now.criticalSteps} steps on the critical path, ${before.criticalSteps} in the baseline`,
          ]
        : []),
    ];
  });
}
