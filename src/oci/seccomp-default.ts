import type { SeccompProfile } from './runtime-spec.ts';
import profile from './seccomp-default.json' with { type: 'json' };

/**
 * Docker's default profile, as data: which system calls a container may make, by architecture, capability and kernel
 * version. Published as "builtin".
 */
export const defaultSeccompProfile: SeccompProfile = profile;
