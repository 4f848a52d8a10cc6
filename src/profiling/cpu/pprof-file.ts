import { relativeTo } from './pprof-reader.ts';
import { AT } from './sample-labels.ts';
import type { Pprof, PprofProfile } from './sampler.ts';

/** The file for `go tool pprof` and its like, with paths relative to the project. Changes the profile. */
export function encodePprof(pprof: Pprof, profile: PprofProfile, projectRoot: string): Promise<Buffer> {
  const { strings } = profile.stringTable;
  const relative = relativeTo(projectRoot);
  for (const { filename } of profile.function) {
    strings[Number(filename)] = relative(strings[Number(filename)] ?? '');
  }
  // The time of each sample would make a tag of its own for each.
  const at = strings.indexOf(AT);
  for (const sample of profile.sample) sample.label = sample.label.filter(({ key }) => Number(key) !== at);
  return pprof.encode(profile);
}
