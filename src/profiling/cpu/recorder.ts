import { randomBytes } from 'node:crypto';
import { buildCallTree, type CallTree } from './call-tree.ts';
import { ProfileBusyError } from './errors.ts';
import type { ProfileSummary } from './model.ts';
import { encodePprof } from './pprof-file.ts';
import { readPprof } from './pprof-reader.ts';
import { projectPaths } from './project-paths.ts';
import { loadPprof, startCpuSampler, startHeapSampler } from './sampler.ts';

export interface ProfileData {
  readonly tree: CallTree;
  /** profile.proto, gzipped: what `go tool pprof` opens. */
  readonly pprof: Buffer;
}

export interface Profile {
  summary(): ProfileSummary;
  /** Resolves when it has ended and is read. */
  readonly data: Promise<ProfileData>;
}

export interface ProfileRecorderOptions {
  /** Between two samples of time. */
  readonly intervalMicros: number;
  /** The folder that file names become relative to. */
  readonly projectRoot: string;
  /** Told when the profiler itself has just held up the process. */
  readonly onPause: () => void;
}

export type ProfileRecorder = ReturnType<typeof createProfileRecorder>;

/** What is kept of finished profiles; the oldest make room. */
const KEPT_PROFILES = 10;
const KEPT_BYTES = 16 * 1024 * 1024;
/** Bytes that an object of some numbers takes in V8, about. */
const OBJECT_BYTES = 100;

/** Takes profiles of this process on demand, one at a time, and keeps the last ones. */
export function createProfileRecorder({ intervalMicros, projectRoot, onPause }: ProfileRecorderOptions) {
  const profiles = new Map<string, Profile & { bytes: number }>();
  let running: { readonly profile: Profile; readonly end: () => void } | undefined;

  function makeRoom(): void {
    let bytes = [...profiles.values()].reduce((sum, profile) => sum + profile.bytes, 0);
    for (const [id, profile] of profiles) {
      if (profiles.size <= KEPT_PROFILES && bytes <= KEPT_BYTES) return;
      profiles.delete(id);
      bytes -= profile.bytes;
    }
  }

  return {
    /**
     * Starts a profile. That holds up the process: V8 walks the heap for the functions that there are, which takes
     * some 100 ms in this service and 0.4 ms more for each MiB; the end of it 30 ms, and up to 0.2 s after 30 s.
     *
     * @throws {ProfileBusyError} while another one runs.
     * @throws {ProfileUnavailableError} where the native sampler does not work.
     */
    async start(request: Pick<ProfileSummary, 'kind' | 'seconds' | 'cause'>): Promise<ProfileSummary> {
      const pprof = await loadPprof();
      if (running) throw new ProfileBusyError(running.profile.summary());
      const paths = projectPaths(pprof, projectRoot);
      const sampler =
        request.kind === 'cpu'
          ? startCpuSampler(pprof, intervalMicros, paths)
          : startHeapSampler(pprof, paths);
      onPause();
      const startedAt = Date.now();
      const id = randomBytes(6).toString('hex');
      const over = Promise.withResolvers<void>();
      const timer = setTimeout(over.resolve, request.seconds * 1000);
      let state: ProfileSummary['state'] = 'running';

      const take = async (): Promise<ProfileData> => {
        try {
          await over.promise;
          const sampled = sampler.stop();
          const tree = buildCallTree(readPprof(sampled));
          onPause();
          const data = { tree, pprof: await encodePprof(pprof, sampled) };
          profile.bytes = sizeOf(data);
          state = 'finished';
          return data;
        } catch (error) {
          state = 'failed';
          throw error;
        } finally {
          running = undefined;
          makeRoom();
        }
      };
      const endsAt = startedAt + request.seconds * 1000;
      const profile = {
        summary: (): ProfileSummary => ({ id, ...request, startedAt, endsAt, state }),
        data: take(),
        bytes: 0,
      };
      // Who asks for it is told; nobody may ever ask.
      profile.data.catch(() => {});
      profiles.set(id, profile);
      running = {
        profile,
        end() {
          clearTimeout(timer);
          over.resolve();
        },
      };
      return profile.summary();
    },

    /** The last first. */
    list: (): ProfileSummary[] => [...profiles.values()].map((profile) => profile.summary()).reverse(),

    /** Undefined when it has made room for others, or never was. */
    get: (id: string): Profile | undefined => profiles.get(id),

    /** Ends a profile that runs before its time. */
    async close(): Promise<void> {
      const last = running;
      last?.end();
      await last?.profile.data.catch(() => {});
    },
  };
}

function sizeOf({ tree, pprof }: ProfileData): number {
  const { frames, nodes, weights, moments } = tree;
  return pprof.byteLength + OBJECT_BYTES * (frames.length + nodes.length + weights.length + moments.length);
}
