import { CommandError } from '../command-error.ts';
import type { BuildOptions } from './flags.ts';

/** Refuses what cannot be had: a build that silently does less than was asked is worse than none. Throws CommandError. */
export function refuseUnsupported(options: BuildOptions): void {
  const { allow, builder, policy } = options;
  if (builder !== '' && builder !== 'default')
    throw new CommandError(`no builder ${JSON.stringify(builder)} found`);
  const given = {
    allow: allow.some((one) => one !== 'network.host'),
    policy: policy.length > 0,
  };
  for (const [name, isGiven] of Object.entries(given)) {
    if (isGiven) throw new CommandError(`--${name} is not supported`);
  }
}
