import type { ProfileKind } from './model.ts';

/** One profile at a time: two at once would measure each other. */
export class ProfileBusyError extends Error {
  /** The profile that runs. */
  readonly id: string;
  readonly kind: ProfileKind;
  /** Milliseconds since the epoch. */
  readonly endsAt: number;

  constructor({ id, kind, endsAt }: { id: string; kind: ProfileKind; endsAt: number }) {
    super(`a ${kind} profile runs until ${new Date(endsAt).toISOString()}`);
    this.name = 'ProfileBusyError';
    this.id = id;
    this.kind = kind;
    this.endsAt = endsAt;
  }
}

/** The native sampler does not work here; everything else does. */
export class ProfileUnavailableError extends Error {
  constructor(cause: unknown) {
    const { platform, arch, version } = process;
    super(`@datadog/pprof does not work on ${platform} ${arch} with Node ${version}`, { cause });
    this.name = 'ProfileUnavailableError';
  }
}
