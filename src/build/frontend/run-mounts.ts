import { posix } from 'node:path';
import { DockerfileError } from '../../dockerfile/errors.ts';
import { suggestion } from '../../dockerfile/suggestion.ts';
import type { RunMount } from '../definition/vertex.ts';

type MountType = RunMount['type'];

/** A `--mount` as it is written: who `from` is, only the stage knows. */
export interface WrittenMount {
  readonly type: MountType;
  /** Lower case. */
  readonly fields: ReadonlyMap<string, string>;
}

const aliases: Readonly<Record<string, string>> = {
  src: 'source',
  dst: 'target',
  destination: 'target',
  ro: 'readonly',
  rw: 'readwrite',
};

const allowed: Readonly<Record<MountType, readonly string[]>> = {
  bind: ['from', 'source', 'target', 'readonly', 'readwrite'],
  cache: ['id', 'target', 'readonly', 'readwrite', 'sharing', 'from', 'source', 'mode', 'uid', 'gid'],
  tmpfs: ['target', 'size'],
  secret: ['id', 'target', 'source', 'required', 'env', 'mode', 'uid', 'gid'],
  ssh: ['id', 'target', 'required', 'mode', 'uid', 'gid'],
};

const flags = new Set(['readonly', 'readwrite', 'required']);

/** Reads "type=cache,target=/x": comma-separated values, each with its variables expanded by `expand`. Fails with DockerfileError. */
export function readMount(text: string, expand: (word: string) => string): WrittenMount {
  const fields = new Map<string, string>();
  let type: MountType = 'bind';
  for (const field of splitCommas(text)) {
    const equals = field.indexOf('=');
    const written = (equals < 0 ? field : field.slice(0, equals)).toLowerCase();
    const key = aliases[written] ?? written;
    if (equals < 0 && !flags.has(key)) {
      throw new DockerfileError(`invalid field '${field}' must be a key=value pair`);
    }
    const raw = equals < 0 ? 'true' : field.slice(equals + 1);
    if (key === 'from' && raw.includes('$')) {
      throw new DockerfileError("'from' doesn't support variable expansion, define alias stage instead");
    }
    const value = key === 'from' ? raw : expand(raw);
    if (flags.has(key)) booleanOf(written, value, false);
    if (key === 'type') type = typeOf(value);
    else fields.set(key, value);
  }
  checkFields(type, fields);
  return { type, fields };
}

function typeOf(text: string): MountType {
  const found = Object.keys(allowed).find((type) => type === text.toLowerCase()) as MountType | undefined;
  if (found === undefined) throw new DockerfileError(`unsupported mount type ${JSON.stringify(text)}`);
  return found;
}

function checkFields(type: MountType, fields: ReadonlyMap<string, string>): void {
  const known = Object.values(allowed).flat();
  for (const key of fields.keys()) {
    if (allowed[type].includes(key)) continue;
    if (key === 'size') throw new DockerfileError(`unexpected key 'size' for mount type '${type}'`);
    if (known.includes(key)) throw new DockerfileError(`${key} not allowed for "${type}" type mounts`);
    throw new DockerfileError(
      `unexpected key '${key}' in '${key}=${fields.get(key)}'${suggestion(key, known)}`,
    );
  }
}

/** Values in double quotes may hold commas, as in CSV. */
function splitCommas(text: string): string[] {
  const fields: string[] = [];
  let field = '';
  let isQuoted = false;
  for (let index = 0; index < text.length; index++) {
    const char = text[index] ?? '';
    if (char === '"' && isQuoted && text[index + 1] === '"') field += text[++index];
    else if (char === '"') isQuoted = !isQuoted;
    else if (char === ',' && !isQuoted) {
      fields.push(field);
      field = '';
    } else field += char;
  }
  if (isQuoted) throw new DockerfileError(`a quote in '${text}' is not closed`);
  return [...fields, field].filter((each) => each !== '');
}

/** What a mount is, its target made absolute; `inputOf` gives the number of the input that `from` names. */
export function resolveMount(
  { type, fields }: WrittenMount,
  workingDirectory: string,
  inputOf: (from: string) => number,
): RunMount {
  const text = (key: string, fallback = ''): string => fields.get(key) ?? fallback;
  const flag = (key: string, fallback: boolean): boolean => booleanOf(key, fields.get(key), fallback);
  const number = (key: string, fallback: number, base: number): number =>
    numberOf(key, fields.get(key), fallback, base);
  const owner = { uid: number('uid', 0, 10), gid: number('gid', 0, 10) };
  const target = (fallback: string): string => targetOf(text('target', fallback), workingDirectory);
  const readOnly = (fallback: boolean): boolean =>
    fields.has('readwrite') ? !flag('readwrite', true) : flag('readonly', fallback);
  const source = posix.resolve('/', text('source', '/'));
  switch (type) {
    case 'bind':
      return { type, target: target(''), input: inputOf(text('from')), source, readOnly: readOnly(true) };
    case 'cache': {
      const path = target('');
      const input = fields.has('from') ? inputOf(text('from')) : undefined;
      const sharing = sharingOf(text('sharing', 'shared'));
      const mode = number('mode', 0o755, 8);
      return {
        type,
        target: path,
        id: text('id', path),
        sharing,
        readOnly: readOnly(false),
        input,
        source,
        mode,
        ...owner,
      };
    }
    case 'tmpfs':
      return { type, target: target(''), size: sizeOf(text('size')) };
    case 'secret': {
      const id = text('id') || text('source') || posix.basename(text('target'));
      if (id === '') throw new DockerfileError('invalid secret mount. one of source, target required');
      const env = text('env');
      const path = env !== '' && !fields.has('target') ? '' : target(`/run/secrets/${posix.basename(id)}`);
      return {
        type,
        id,
        env,
        target: path,
        required: flag('required', false),
        mode: number('mode', 0o400, 8),
        ...owner,
      };
    }
    case 'ssh':
      return {
        ...{ type, id: text('id', 'default'), target: fields.has('target') ? target('') : '' },
        ...{ required: flag('required', false), mode: number('mode', 0o600, 8), ...owner },
      };
  }
}

function targetOf(text: string, workingDirectory: string): string {
  const path = posix.resolve('/', workingDirectory, text);
  if (text === '' || path === '/')
    throw new DockerfileError(`invalid mount target ${JSON.stringify(text || '/')}`);
  return path;
}

function booleanOf(key: string, text: string | undefined, fallback: boolean): boolean {
  if (text === undefined) return fallback;
  if (/^(1|t|true)$/i.test(text)) return true;
  if (/^(0|f|false)$/i.test(text)) return false;
  throw new DockerfileError(`invalid value for ${key}: ${text}`);
}

function numberOf(key: string, text: string | undefined, fallback: number, base: number): number {
  if (text === undefined) return fallback;
  const digits = base === 8 ? /^0?o?[0-7]{1,6}$/ : /^\d{1,10}$/;
  if (!digits.test(text)) throw new DockerfileError(`invalid value ${text} for ${key}`);
  return Number.parseInt(text.replace('o', ''), base);
}

function sharingOf(text: string): 'shared' | 'private' | 'locked' {
  const value = text.toLowerCase();
  if (value === 'shared' || value === 'private' || value === 'locked') return value;
  throw new DockerfileError(`unsupported sharing value ${JSON.stringify(text)}`);
}

const units: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
};

/** Bytes; 0 for none said. */
function sizeOf(text: string): number {
  if (text === '') return 0;
  const match = /^(\d{1,12})([kmgt]?)i?b?$/i.exec(text);
  if (match === null) throw new DockerfileError(`invalid value for size: ${JSON.stringify(text)}`);
  return Number(match[1]) * (units[match[2]?.toLowerCase() ?? ''] ?? 1);
}
