import { CommandError } from '../command-error.ts';
import { annotationFields } from './annotations.ts';
import { checkFields, fieldsOf } from './fields.ts';
import type { BuildOptions } from './flags.ts';

/** Where the result goes. */
export type Output =
  /** It stays in the store. */
  | { readonly type: 'store' }
  /** To the registries of its names. */
  | { readonly type: 'push' }
  /** To the registries of these names, by its digest alone. */
  | { readonly type: 'push-by-digest'; readonly names: readonly string[] }
  /** Its files, to a folder or as a tar. `split`: those of each platform in a folder of their own, also of only one. */
  | { readonly type: 'files'; readonly directory: string; readonly split: boolean | undefined }
  | { readonly type: 'tar'; readonly path: string; readonly split: boolean | undefined }
  /** The image as `save` writes it, Docker's archive and an OCI layout at once, or as a layout alone. `path` "-" is standard output. */
  | { readonly type: 'archive'; readonly path: string; readonly format: 'docker' | 'oci' }
  /** An OCI layout as a folder. */
  | { readonly type: 'layout'; readonly directory: string };

export interface Outputs {
  readonly outputs: readonly Output[];
  /** Names that outputs give the image beside `--tag`. */
  readonly names: readonly string[];
  /** By the keys that the daemon takes. */
  readonly annotations: Readonly<Record<string, string>>;
  /** Of layers; empty for the usual one. */
  readonly compression: string;
}

interface ParsedOutput extends Omit<Outputs, 'outputs'> {
  readonly output: Output;
}

/** What `--output`, `--push` and `--load` ask for. Throws CommandError. */
export function outputsOf(options: Pick<BuildOptions, 'output' | 'push' | 'load'>): Outputs {
  const parsed = options.output.map(parseOutput);
  const outputs = parsed.map(({ output }) => output);
  if (options.push) outputs.push({ type: 'push' });
  if (options.load || outputs.length === 0) outputs.push({ type: 'store' });
  const compressions = new Set(parsed.map(({ compression }) => compression).filter((one) => one !== ''));
  if (compressions.size > 1) {
    throw new CommandError(`outputs cannot differ in compression: ${[...compressions].join(', ')}`);
  }
  return {
    outputs,
    names: parsed.flatMap(({ names }) => names),
    annotations: Object.assign({}, ...parsed.map(({ annotations }) => annotations)),
    compression: [...compressions][0] ?? '',
  };
}

/** Whether the image is to be found in the store afterwards. */
export function keepsImage({ outputs }: Pick<Outputs, 'outputs'>): boolean {
  return outputs.some(({ type }) => type === 'store' || type === 'push' || type === 'push-by-digest');
}

const nothing = { names: [], annotations: {}, compression: '' };

function parseOutput(value: string): ParsedOutput {
  if (!value.includes('=')) {
    const output: Output =
      value === '-'
        ? { type: 'tar', path: '-', split: undefined }
        : { type: 'files', directory: checked(value), split: undefined };
    return { output, ...nothing };
  }
  const all = fieldsOf(value);
  const type = all.get('type');
  if (type === undefined) throw new CommandError(`type is required for output ${JSON.stringify(value)}`);
  const known = fieldsByType[type];
  if (known === undefined) throw new CommandError(`unknown output type ${JSON.stringify(type)}`);
  const isImage = !fileFields.includes(known);
  const annotations = isImage ? annotationFields(all) : {};
  const fields = new Map([...all].filter(([name]) => !isImage || !name.startsWith('annotation')));
  checkFields(value, fields, known);
  refuseUnsupported(type, fields);
  const output = outputOf(type, fields);
  return {
    output,
    names: output.type === 'push-by-digest' ? [] : namesIn(fields),
    ...{ annotations, compression: compressionOf(fields) },
  };
}

const files = ['type', 'dest', 'platform-split'];
const image = [
  ...['type', 'name', 'compression', 'compression-level', 'force-compression', 'oci-mediatypes'],
  'rewrite-timestamp',
];
const archive = [...image, 'dest', 'tar'];
const stored = [
  ...image,
  'push',
  'push-by-digest',
  'store',
  'unpack',
  'name-canonical',
  'dangling-name-prefix',
];
const fileFields: readonly (readonly string[])[] = [files];
const fieldsByType: Readonly<Record<string, readonly string[]>> = {
  local: files,
  tar: files,
  oci: archive,
  docker: archive,
  image: stored,
  registry: stored,
};

function outputOf(type: string, fields: ReadonlyMap<string, string>): Output {
  const dest = fields.get('dest') ?? '';
  const split = fields.has('platform-split') ? isSet(fields, 'platform-split') : undefined;
  switch (type) {
    case 'local':
      return { type: 'files', directory: needed(dest, type), split };
    case 'tar':
      return { type: 'tar', path: needed(dest, type), split };
    case 'oci':
    case 'docker':
      if (fields.has('tar') && !isSet(fields, 'tar')) {
        if (type === 'docker')
          throw new CommandError('docker output is an archive: use type=oci for a folder');
        return { type: 'layout', directory: needed(dest, type) };
      }
      if (type === 'docker' && dest === '') return { type: 'store' };
      return { type: 'archive', path: needed(dest, type), format: type };
    default:
      return storedOutput(type, fields);
  }
}

/** What is pushed by its digest has no tag there, nor here. */
function storedOutput(type: string, fields: ReadonlyMap<string, string>): Output {
  const isPushed = type === 'registry' || isSet(fields, 'push');
  if (!isPushed || !isSet(fields, 'push-by-digest')) return { type: isPushed ? 'push' : 'store' };
  const names = namesIn(fields);
  if (names.length === 0) throw new CommandError('name is required to push by digest');
  return { type: 'push-by-digest', names };
}

function namesIn(fields: ReadonlyMap<string, string>): string[] {
  return (fields.get('name') ?? '').split(',').filter((name) => name !== '');
}

/** Fields that others give a meaning that nothing here has, unless they say what is so anyway. */
function refuseUnsupported(type: string, fields: ReadonlyMap<string, string>): void {
  if (isSet(fields, 'name-canonical') && type === 'image' && !isSet(fields, 'push')) {
    throw new CommandError('name-canonical needs push=true: before that a digest has no name');
  }
  if ((fields.get('dangling-name-prefix') ?? '') !== '') {
    throw new CommandError(`dangling-name-prefix is not supported for ${type} output`);
  }
  if (type === 'registry' && fields.has('push') && !isSet(fields, 'push')) {
    throw new CommandError('registry output is pushed: use type=image for one that is not');
  }
  for (const name of ['store', 'unpack', 'oci-mediatypes']) {
    if (fields.has(name) && !isSet(fields, name)) {
      throw new CommandError(`${name}=false is not supported for ${type} output`);
    }
  }
  // What they say is so: layers are compressed in one way, and times are rewritten where one stands for now.
  for (const name of ['force-compression', 'rewrite-timestamp']) isSet(fields, name);
}

const compressions = ['uncompressed', 'gzip', 'zstd'];

function compressionOf(fields: ReadonlyMap<string, string>): string {
  const compression = fields.get('compression') ?? '';
  if (compression !== '' && !compressions.includes(compression)) {
    throw new CommandError(
      `unsupported layer compression type ${JSON.stringify(compression)}: use ${compressions.join(', ')}`,
    );
  }
  const level = fields.get('compression-level');
  if (level !== undefined) throw new CommandError('compression-level is not supported: there is one level');
  return compression;
}

/** Throws CommandError for a value that is neither. */
function isSet(fields: ReadonlyMap<string, string>, name: string): boolean {
  const value = fields.get(name) ?? 'false';
  if (value === 'true' || value === '1') return true;
  if (value === 'false' || value === '0') return false;
  throw new CommandError(`invalid value ${JSON.stringify(value)} for ${name}: use true or false`);
}

function needed(dest: string, type: string): string {
  if (dest === '') throw new CommandError(`dest is required for ${type} output`);
  return dest;
}

function checked(directory: string): string {
  if (directory === '') throw new CommandError('output needs a folder, "-" or fields');
  return directory;
}
