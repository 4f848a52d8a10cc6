/** What profiles tell, as plain values: the page and its JSON API serve them as they are. */

/** `cpu` samples wall and CPU time together, `heap` what allocates memory. */
export type ProfileKind = 'cpu' | 'heap';

/** Why it was taken: somebody asked, or a route was slower than it uses to be. */
export type ProfileCause = { readonly kind: 'asked' } | { readonly kind: 'slow'; readonly route: string };

export interface ProfileSummary {
  readonly id: string;
  readonly kind: ProfileKind;
  readonly cause: ProfileCause;
  readonly seconds: number;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly endsAt: number;
  readonly state: 'running' | 'finished' | 'failed';
}

/** Milliseconds of `cpu` and `wall`; bytes `allocated` during the profile, and those of them `live` at its end. */
export type Metric = 'cpu' | 'wall' | 'allocated' | 'live';

export interface Frame {
  readonly name: string;
  /** Relative to the project; elsewhere as Node names it (`node:fs`); empty for the engine's own work. */
  readonly file: string;
  /** Where the function begins; 0 when unknown. */
  readonly line: number;
}

/** What a sample ran for; undefined outside of every step or route. */
export interface Label {
  readonly step: string | undefined;
  readonly route: string | undefined;
}

/** A line as pstats has it: time in the function alone, and with everything that it called. */
export interface FunctionRow extends Frame {
  readonly samples: number;
  readonly self: number;
  readonly total: number;
  /** Parts of 1 of everything that was sampled. */
  readonly selfShare: number;
  readonly totalShare: number;
}

/** What was sampled for one step of one route; for neither of them, the work outside. */
export interface LabelSum extends Label {
  readonly samples: number;
  /** By metric. */
  readonly sums: Readonly<Partial<Record<Metric, number>>>;
}

/** A box of the flame graph. */
export interface FlameNode extends Frame {
  readonly self: number;
  readonly total: number;
  /** The widest first. */
  readonly children: readonly FlameNode[];
}

/** A finished profile as people read it. */
export interface ProfileReport {
  readonly profile: ProfileSummary;
  /** What `functions` and `flame` show, one of `metrics`. Milliseconds or bytes. */
  readonly metric: Metric;
  readonly metrics: readonly Metric[];
  /** By step and route, whatever is filtered. For the heap one sum: V8 does not tell what allocated for whom. */
  readonly sums: readonly LabelSum[];
  readonly functions: readonly FunctionRow[];
  readonly flame: FlameNode;
  /** Samples that count for a caller of what really ran, because the tree had too many branches. */
  readonly foldedSamples: number;
}
