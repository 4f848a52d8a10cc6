/** Calls that may be made, as the provider counts them. */
export interface Limits {
  /** In any window of `windowMs`; Infinity is no limit. */
  readonly perWindow: number;
  readonly windowMs: number;
  readonly atOnce: number;
}

/** Gives the place back. Called once, when the call has ended. */
export type Release = () => void;

/** Lets calls pass, first come first served. */
export interface Limiter {
  /** @throws the signal's reason when it is aborted before there is a place. */
  acquire(signal: AbortSignal): Promise<Release>;
}
