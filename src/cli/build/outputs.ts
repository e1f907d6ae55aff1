import { CommandError } from '../command-error.ts';
import { checkFields, fieldsOf } from './fields.ts';
import type { BuildOptions } from './flags.ts';

/** Where the result goes. */
export type Output =
  /** It stays in the store. */
  | { readonly type: 'store' }
  /** To the registries of its names. */
  | { readonly type: 'push' }
  /** Its files, to a folder or as a tar. */
  | { readonly type: 'files'; readonly directory: string }
  | { readonly type: 'tar'; readonly path: string }
  /** The image, as `save` writes it: Docker's archive and an OCI layout at once. `path` "-" is standard output. */
  | { readonly type: 'archive'; readonly path: string };

export interface Outputs {
  readonly outputs: readonly Output[];
  /** Names that outputs give the image beside `--tag`. */
  readonly names: readonly string[];
}

/** What `--output`, `--push` and `--load` ask for. Throws CommandError. */
export function outputsOf(options: Pick<BuildOptions, 'output' | 'push' | 'load'>): Outputs {
  const parsed = options.output.map(parseOutput);
  const outputs = parsed.flatMap(({ outputs }) => outputs);
  if (options.push) outputs.push({ type: 'push' });
  if (options.load || outputs.length === 0) outputs.push({ type: 'store' });
  return { outputs, names: parsed.flatMap(({ names }) => names) };
}

/** Whether the image is to be found in the store afterwards. */
export function keepsImage({ outputs }: Outputs): boolean {
  return outputs.some(({ type }) => type === 'store' || type === 'push');
}

function parseOutput(value: string): { readonly outputs: Output[]; readonly names: readonly string[] } {
  if (!value.includes('=')) {
    const output: Output =
      value === '-' ? { type: 'tar', path: '-' } : { type: 'files', directory: checked(value) };
    return { outputs: [output], names: [] };
  }
  const fields = fieldsOf(value);
  const type = fields.get('type');
  if (type === undefined) throw new CommandError(`type is required for output ${JSON.stringify(value)}`);
  const dest = fields.get('dest') ?? '';
  checkFields(value, fields, fieldsByType[type] ?? ['type', ...fields.keys()]);
  const names = (fields.get('name') ?? '').split(',').filter((name) => name !== '');
  if (type === 'local') return { outputs: [{ type: 'files', directory: needed(dest, type) }], names };
  if (type === 'tar') return { outputs: [{ type: 'tar', path: needed(dest, type) }], names };
  if (type === 'oci') return { outputs: [{ type: 'archive', path: needed(dest, type) }], names };
  if (type === 'docker') {
    return { outputs: [dest === '' ? { type: 'store' } : { type: 'archive', path: dest }], names };
  }
  if (type === 'registry') return { outputs: [{ type: 'push' }], names };
  if (type !== 'image') throw new CommandError(`unknown output type ${JSON.stringify(type)}`);
  return { outputs: [{ type: fields.get('push') === 'true' ? 'push' : 'store' }], names };
}

const fieldsByType: Readonly<Record<string, readonly string[]>> = {
  local: ['type', 'dest'],
  tar: ['type', 'dest'],
  oci: ['type', 'dest', 'name'],
  docker: ['type', 'dest', 'name'],
  image: ['type', 'name', 'push'],
  registry: ['type', 'name', 'push'],
};

function needed(dest: string, type: string): string {
  if (dest === '') throw new CommandError(`dest is required for ${type} output`);
  return dest;
}

function checked(directory: string): string {
  if (directory === '') throw new CommandError('output needs a folder, "-" or fields');
  return directory;
}
