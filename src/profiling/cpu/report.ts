import type { Metric, ProfileReport, ProfileSummary } from './model.ts';
import type { ProfileData } from './recorder.ts';
import { flameGraph, functionTable, type SampleFilter, sumsByLabel } from './summary.ts';

export interface ReportQuery extends SampleFilter {
  /** The first that the profile has unless given: CPU time, or what was allocated. */
  readonly metric?: Metric | undefined;
}

export function profileReport(
  profile: ProfileSummary,
  { tree }: ProfileData,
  { metric = tree.metrics[0] ?? 'cpu', ...filter }: ReportQuery,
): ProfileReport {
  return {
    profile,
    metric,
    metrics: tree.metrics,
    sums: sumsByLabel(tree),
    functions: functionTable(tree, metric, filter),
    flame: flameGraph(tree, metric, filter),
    foldedSamples: tree.foldedSamples,
  };
}
