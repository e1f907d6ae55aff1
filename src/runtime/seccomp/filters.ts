import { createHash } from 'node:crypto';
import { invalid } from '../../base/errors.ts';
import type { SeccompProfile } from '../../oci/runtime-spec.ts';
import { nativeArchitecture } from './architectures.ts';
import { compileSeccomp } from './compile.ts';

/** How many filters are kept; a host rarely has more than two or three profiles. */
const KEPT = 64;

/** Compiles profiles for one host, each once for a set of capabilities. */
export class SeccompFilters {
  readonly #kernelVersion: string;
  readonly #digests = new WeakMap<SeccompProfile, string>();
  /** By capabilities and the profile's digest, the one used longest ago first. */
  readonly #compiled = new Map<string, SeccompFilter>();

  /** `kernelVersion` as `uname -r` prints it. */
  constructor(kernelVersion: string) {
    this.#kernelVersion = kernelVersion;
  }

  /**
   * The same filter object for equal profiles and capabilities. Fails with `invalid-argument` on a bad profile or an unknown
   * machine.
   */
  filterOf(profile: SeccompProfile, capabilities: readonly string[]): SeccompFilter {
    const key = `${capabilities.toSorted().join()} ${this.#digestOf(profile)}`;
    const filter = this.#compiled.get(key) ?? this.#compile(profile, capabilities);
    this.#compiled.delete(key);
    this.#compiled.set(key, filter);
    for (const oldest of this.#compiled.keys()) {
      if (this.#compiled.size <= KEPT) break;
      this.#compiled.delete(oldest);
    }
    return filter;
  }

  #digestOf(profile: SeccompProfile): string {
    const digest = this.#digests.get(profile) ?? hashOf(JSON.stringify(profile));
    this.#digests.set(profile, digest);
    return digest;
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
  if (!names) return DEFAULT_FLAGS;
  return names.reduce((flags, name) => {
    const bit = flagBits[name];
    if (bit === undefined) throw invalid(`seccomp: unknown flag ${JSON.stringify(name)}`);
    return flags | bit;
  }, 0);
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
