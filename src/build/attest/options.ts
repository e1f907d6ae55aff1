import { invalid, SampanError } from '../../base/errors.ts';

export interface AttestationOptions {
  /** Undefined for none. */
  readonly provenance: ProvenanceOptions | undefined;
  readonly sbom: boolean;
}

export interface ProvenanceOptions {
  /** "min" leaves out what may be confidential: build arguments, labels, and the Dockerfile. */
  readonly mode: 'min' | 'max';
  /** Of the SLSA predicate. */
  readonly version: 'v0.2' | 'v1';
  /** Empty for this program's own. */
  readonly builder: string;
  /** Whether whoever asks vouches that the same build makes the same. */
  readonly isReproducible: boolean;
}

/** Reads what BuildKit's clients write: "mode=max,version=v1", "", "disabled=true". Fails with `invalid-argument` on what is not known. */
export function attestationOptions(wanted: Readonly<Record<string, string>>): AttestationOptions {
  for (const kind of Object.keys(wanted)) {
    if (kind !== 'provenance' && kind !== 'sbom') {
      throw invalid(`unknown attestation type ${JSON.stringify(kind)}: provenance and sbom are known`);
    }
  }
  const { provenance, sbom } = wanted;
  return {
    provenance: provenance === undefined ? undefined : provenanceOptions(provenance),
    sbom: sbom !== undefined && wantsSbom(sbom),
  };
}

function provenanceOptions(text: string): ProvenanceOptions | undefined {
  const fields = fieldsOf(text);
  const known = ['mode', 'version', 'builder-id', 'reproducible', 'inline-only', 'disabled', 'filename'];
  checkNames('provenance', fields, known);
  if (isSet(fields, 'disabled')) return undefined;
  const { mode = 'min', version = 'v0.2' } = Object.fromEntries(fields);
  if (mode !== 'min' && mode !== 'max') {
    throw invalid(`invalid provenance mode ${JSON.stringify(mode)}: use min or max`);
  }
  if (version !== 'v0.2' && version !== 'v1') {
    throw invalid(`invalid provenance version ${JSON.stringify(version)}: use v0.2 or v1`);
  }
  return {
    ...{ mode, version },
    builder: fields.get('builder-id') ?? '',
    isReproducible: isSet(fields, 'reproducible'),
  };
}

function wantsSbom(text: string): boolean {
  const fields = fieldsOf(text);
  checkNames('sbom', fields, ['generator', 'disabled']);
  if (isSet(fields, 'disabled')) return false;
  const generator = fields.get('generator') ?? '';
  if (generator !== '') {
    throw new SampanError('unimplemented', `SBOM generator ${JSON.stringify(generator)} is not supported`, {
      hint: 'Images are looked through by the engine itself: leave the generator out.',
    });
  }
  return true;
}

/** "a=b,c=d"; "true" and "false" stand for everything as it is by default, and for nothing. */
function fieldsOf(text: string): Map<string, string> {
  const fields = text.split(',').filter((field) => field !== '' && field !== 'true');
  return new Map(
    fields.map((field): [string, string] => {
      const equals = field.indexOf('=');
      if (field === 'false') return ['disabled', 'true'];
      if (equals < 1)
        throw invalid(`invalid attestation field ${JSON.stringify(field)}: expected name=value`);
      return [field.slice(0, equals).trim(), field.slice(equals + 1)];
    }),
  );
}

function checkNames(kind: string, fields: ReadonlyMap<string, string>, known: readonly string[]): void {
  for (const name of fields.keys()) {
    if (!known.includes(name)) throw invalid(`unknown field ${JSON.stringify(name)} of ${kind} attestation`);
  }
}

function isSet(fields: ReadonlyMap<string, string>, name: string): boolean {
  const value = fields.get(name);
  return value !== undefined && value !== 'false' && value !== '0';
}
