import { AT } from './sample-labels.ts';
import type { Pprof, PprofProfile } from './sampler.ts';

/** The file for `go tool pprof` and its like: profile.proto, gzipped. Takes the times off the profile's samples. */
export function encodePprof(pprof: Pprof, profile: PprofProfile): Promise<Buffer> {
  const at = profile.stringTable.strings.indexOf(AT);
  // Each would be a tag of its own.
  for (const sample of profile.sample) sample.label = sample.label.filter(({ key }) => Number(key) !== at);
  return pprof.encode(profile);
}
