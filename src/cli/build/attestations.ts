import { CommandError } from '../command-error.ts';
import { fieldsOf } from './fields.ts';
import type { BuildOptions } from './flags.ts';

/** What `--attest`, `--provenance` and `--sbom` ask for, by its type, as the daemon takes it. Throws CommandError. */
export function attestationsOf({
  attest,
  provenance,
  sbom,
}: Pick<BuildOptions, 'attest' | 'provenance' | 'sbom'>): Record<string, string> {
  const wanted: Record<string, string> = {};
  for (const value of attest) {
    const fields = new Map(value.includes('=') ? fieldsOf(value) : [['type', value]]);
    const type = fields.get('type') ?? '';
    if (type === '') throw new CommandError(`attestation type not specified: ${value}`);
    fields.delete('type');
    if (wanted[type] !== undefined) throw new CommandError(`duplicate attestation field ${type}`);
    wanted[type] = [...fields].map(([name, text]) => `${name}=${text}`).join(',');
  }
  if (provenance !== '') wanted['provenance'] = shorthand(provenance);
  if (sbom !== '') wanted['sbom'] = shorthand(sbom);
  return wanted;
}

/** "max" is the mode, "true" all that goes without saying; the rest is fields, or nothing at all. */
function shorthand(value: string): string {
  if (value === 'min' || value === 'max') return `mode=${value}`;
  if (['1', 'true', 'True', 'TRUE', 't', 'T'].includes(value)) return '';
  if (['0', 'false', 'False', 'FALSE', 'f', 'F'].includes(value)) return 'disabled=true';
  if (!value.includes('=')) throw new CommandError(`invalid attestation ${JSON.stringify(value)}`);
  return value;
}
