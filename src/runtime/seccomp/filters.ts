import { invalid } from '../../base/errors.ts';
import type { SeccompProfile } from '../../oci/runtime-spec.ts';
import { nativeArchitecture } from './architectures.ts';
import { compileSeccomp } from './compile.ts';

/** Compiles profiles for one host, each once for a set of capabilities. */
export class SeccompFilters {
  readonly #kernelVersion: string;
  readonly #compiled = new WeakMap<SeccompProfile, Map<string, SeccompFilter>>();

  /** `kernelVersion` as `uname -r` prints it. */
  constructor(kernelVersion: string) {
    this.#kernelVersion = kernelVersion;
  }

  /** Fails with `invalid-argument` on a bad profile or an unknown machine. Callers may compare filters by identity. */
  filterOf(profile: SeccompProfile, capabilities: readonly string[]): SeccompFilter {
    const byCapabilities = this.#compiled.get(profile) ?? new Map<string, SeccompFilter>();
    this.#compiled.set(profile, byCapabilities);
    const key = capabilities.toSorted().join();
    const filter = byCapabilities.get(key) ?? this.#compile(profile, capabilities);
    byCapabilities.set(key, filter);
    return filter;
  }

  #compile(profile: SeccompProfile, capabilities: readonly string[]): SeccompFilter {
    const native = nativeArchitecture(process.arch);
    if (native === undefined) throw invalid(`seccomp: no system call table for ${process.arch}`);
    const subject = { native, capabilities: new Set(capabilities), kernelVersion: this.#kernelVersion };
    return { program: compileSeccomp(profile, subject), flags: filterFlags(profile.flags) };
  }
}

/** What the `seccomp` operation takes. */
export interface SeccompFilter {
  readonly program: Uint8Array;
  readonly flags: number;
}

/** SECCOMP_FILTER_FLAG_* (linux/seccomp.h). */
const flagBits: Readonly<Record<string, number>> = {
  SECCOMP_FILTER_FLAG_TSYNC: 1,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
};

/** As runc: without flags, speculation stays allowed, since its mitigation costs more than it brings here. */
const DEFAULT_FLAGS = 4;

function filterFlags(names: readonly string[] | undefined): number {
  if (names === undefined) return DEFAULT_FLAGS;
  return names.reduce((flags, name) => {
    const bit = flagBits[name];
    if (bit === undefined) throw invalid(`seccomp: unknown flag ${JSON.stringify(name)}`);
    return flags | bit;
  }, 0);
}
