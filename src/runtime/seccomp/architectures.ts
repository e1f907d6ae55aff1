import aarch64 from './syscalls/aarch64.json' with { type: 'json' };
import arm from './syscalls/arm.json' with { type: 'json' };
import x32 from './syscalls/x32.json' with { type: 'json' };
import x86 from './syscalls/x86.json' with { type: 'json' };
import x86_64 from './syscalls/x86_64.json' with { type: 'json' };

/** One system call table that a process may use, and how the kernel tells a filter which one it was. */
export interface Architecture {
  /** As profiles name it. */
  readonly name: string;
  /** AUDIT_ARCH_* (linux/audit.h), in seccomp_data.arch. */
  readonly audit: number;
  /** Added to every number: x32 shares x86_64's audit value and sets bit 30 instead. */
  readonly offset: number;
  /** Numbers by name; the call numbers of Linux 7.1. */
  readonly syscalls: Readonly<Record<string, number>>;
}

/** __X32_SYSCALL_BIT. */
export const X32_OFFSET = 0x40000000;

const known: readonly Architecture[] = [
  { name: 'SCMP_ARCH_X86_64', audit: 0xc000003e, offset: 0, syscalls: x86_64 },
  { name: 'SCMP_ARCH_X32', audit: 0xc000003e, offset: X32_OFFSET, syscalls: x32 },
  { name: 'SCMP_ARCH_X86', audit: 0x40000003, offset: 0, syscalls: x86 },
  { name: 'SCMP_ARCH_AARCH64', audit: 0xc00000b7, offset: 0, syscalls: aarch64 },
  { name: 'SCMP_ARCH_ARM', audit: 0x40000028, offset: 0, syscalls: arm },
];

/** Undefined for an architecture whose programs no supported host runs. */
export function architectureNamed(name: string): Architecture | undefined {
  return known.find((architecture) => architecture.name === name);
}

/** The host's own: what profiles call it, and what their `arches` conditions do. */
export interface NativeArchitecture {
  readonly name: string;
  readonly goName: string;
}

/** `machine` as `process.arch` has it. */
export function nativeArchitecture(machine: string): NativeArchitecture | undefined {
  if (machine === 'x64') return { name: 'SCMP_ARCH_X86_64', goName: 'amd64' };
  if (machine === 'arm64') return { name: 'SCMP_ARCH_AARCH64', goName: 'arm64' };
  return undefined;
}
