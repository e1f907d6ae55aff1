import { posix } from 'node:path';
import { invalid } from '../base/errors.ts';
import { type ExpansionOptions, expand, expandToWords } from '../dockerfile/expansion.ts';
import { exposedPorts } from '../dockerfile/exposed-ports.ts';
import type { Command, Instruction, PairsInstruction } from '../dockerfile/instructions.ts';
import { readInstruction } from '../dockerfile/read-instruction.ts';
import { readStatements, type Statement } from '../dockerfile/statements.ts';
import type { ImageProcess } from '../oci/image.ts';

const ESCAPE = '\\';

/**
 * Applies Dockerfile instructions to an image's process configuration, as `import --change` and `commit --change` do: CMD,
 * ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR. Others fail with
 * `invalid-argument` "X is not a valid change command".
 */
export function applyChanges(config: ImageProcess, changes: readonly string[]): ImageProcess {
  const text = changes.join('\n');
  const isEmpty = text.split('\n').every((line) => /^\s*(?:#.*)?$/.test(line));
  return isEmpty ? config : readStatements(text).statements.reduce(applyStatement, config);
}

/** Instructions that change nothing but a configuration. */
const allowed = new Set(
  'CMD ENTRYPOINT ENV EXPOSE HEALTHCHECK LABEL ONBUILD STOPSIGNAL USER VOLUME WORKDIR'.split(' '),
);

function applyStatement(process: ImageProcess, statement: Statement): ImageProcess {
  const { keyword, rest } = statement;
  if (!allowed.has(keyword.toUpperCase())) {
    throw invalid(`${keyword.toLowerCase()} is not a valid change command`);
  }
  if (rest === '') throw invalid(`${keyword.toUpperCase()} requires at least one argument`);
  const lookup = (name: string): string | undefined => variableOf(process, name);
  return { ...process, ...changeOf(process, readInstruction(statement, ESCAPE), { escape: ESCAPE, lookup }) };
}

function changeOf(
  process: ImageProcess,
  instruction: Instruction,
  options: ExpansionOptions,
): Partial<ImageProcess> {
  const read = (word: string): string => expand(word, options);
  switch (instruction.kind) {
    case 'cmd':
      return { Cmd: wordsOf(process, instruction.command) };
    case 'entrypoint':
      return { Entrypoint: wordsOf(process, instruction.command) };
    case 'env':
      return { Env: mergeEnvironment(process.Env ?? [], pairsOf(instruction, read)) };
    case 'label':
      return { Labels: { ...process.Labels, ...Object.fromEntries(pairsOf(instruction, read)) } };
    case 'expose':
      return { ExposedPorts: { ...process.ExposedPorts, ...portsOf(instruction.words, options) } };
    case 'volume':
      return { Volumes: { ...process.Volumes, ...emptyObjects(instruction.words.map(read)) } };
    case 'healthcheck':
      return { Healthcheck: instruction.health };
    case 'onbuild':
      return { OnBuild: [...(process.OnBuild ?? []), instruction.trigger] };
    case 'stopsignal':
      return { StopSignal: read(instruction.word) };
    case 'user':
      return { User: read(instruction.word) };
    case 'workdir':
      return { WorkingDir: posix.resolve('/', process.WorkingDir ?? '/', read(instruction.word)) };
    default:
      return {};
  }
}

function variableOf({ Env }: ImageProcess, name: string): string | undefined {
  return Env?.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
}

function wordsOf({ Shell }: ImageProcess, { isShell, words }: Command): string[] {
  return isShell ? [...(Shell ?? ['/bin/sh', '-c']), ...words] : [...words];
}

function pairsOf({ pairs }: PairsInstruction, read: (word: string) => string): [string, string][] {
  return pairs.map(({ name, value }) => [read(name), read(value)]);
}

function portsOf(words: readonly string[], options: ExpansionOptions): Record<string, object> {
  return emptyObjects(words.flatMap((word) => expandToWords(word, options)).flatMap(exposedPorts));
}

function emptyObjects(keys: readonly string[]): Record<string, object> {
  return Object.fromEntries(keys.map((key) => [key, {}]));
}

function mergeEnvironment(current: readonly string[], changes: readonly [string, string][]): string[] {
  const merged = [...current];
  for (const [key, value] of changes) {
    const index = merged.findIndex((entry) => entry.startsWith(`${key}=`));
    if (index < 0) merged.push(`${key}=${value}`);
    else merged[index] = `${key}=${value}`;
  }
  return merged;
}
