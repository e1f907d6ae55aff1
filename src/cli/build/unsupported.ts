import { CommandError } from '../command-error.ts';
import { fieldsOf } from './fields.ts';
import type { BuildOptions } from './flags.ts';

/** Refuses what cannot be had: a build that silently does less than was asked is worse than none. Throws CommandError. */
export function refuseUnsupported(options: BuildOptions): void {
  const { allow, annotation, attest, builder, policy, provenance, sbom } = options;
  if (builder !== '' && builder !== 'default')
    throw new CommandError(`no builder ${JSON.stringify(builder)} found`);
  const given = {
    allow: allow.some((one) => one !== 'network.host'),
    annotation: annotation.length > 0,
    policy: policy.length > 0,
    sbom: isWanted(sbom),
    provenance: isWanted(provenance),
    attest: attest.some((one) => one.includes('=') && fieldsOf(one).get('disabled') !== 'true'),
  };
  for (const [name, isGiven] of Object.entries(given)) {
    if (isGiven) throw new CommandError(`--${name} is not supported`);
  }
}

/** Attestations can be switched off, which they are. */
function isWanted(value: string): boolean {
  return !['', 'false', '0'].includes(value);
}
