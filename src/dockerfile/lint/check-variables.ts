import type { Dockerfile, Stage } from '../dockerfile.ts';
import { DockerfileError } from '../errors.ts';
import { expand } from '../expansion.ts';
import { suggestion } from '../suggestion.ts';
import type { LintOptions } from './lint.ts';
import type { LintReport } from './report.ts';

type StageInstruction = Stage['instructions'][number];

/** Names that are set; undefined where that is not known, since the base image is not. */
type Names = Set<string> | undefined;

/** Variables are there before they are used, as far as Dockerfiles expand them: what a shell makes of them is its own business. */
export function checkVariables(file: Dockerfile, options: LintOptions, report: LintReport): void {
  const ends = new Map<string, Names>();
  for (const [number, stage] of file.stages.entries()) {
    const names = namesBefore(file, stage, options, ends);
    for (const instruction of stage.instructions) {
      if (names !== undefined) checkWords(file, instruction, names, report);
      for (const name of declared(instruction)) names?.add(name);
    }
    for (const key of [String(number), stage.from.name]) if (key !== '') ends.set(key, names);
  }
}

function namesBefore(
  { directives }: Dockerfile,
  { from }: Stage,
  { globals, base }: LintOptions,
  ends: ReadonlyMap<string, Names>,
): Names {
  const image = quietly(() =>
    expand(from.image, { escape: directives.escape, lookup: (name) => globals.get(name) }),
  );
  if (image === undefined) return undefined;
  const stage = image.toLowerCase();
  if (ends.has(stage)) {
    const names = ends.get(stage);
    return names && new Set(names);
  }
  if (image === 'scratch') return new Set(['PATH']);
  const env = base(image)?.env;
  return env && new Set(['PATH', ...env.map((entry) => entry.split('=', 1)[0] ?? '')]);
}

function checkWords(
  { directives }: Dockerfile,
  instruction: StageInstruction,
  names: Set<string>,
  report: LintReport,
): void {
  const unset = new Set<string>();
  // One with a default is asked for too.
  const lookup = (name: string): string | undefined => {
    if (names.has(name)) return 'x';
    unset.add(name);
    return undefined;
  };
  const options = { escape: directives.escape, lookup };
  for (const word of expandedWords(instruction)) quietly(() => expand(word, options));
  for (const name of unset) {
    const meant = suggestion(name, [...names]).replace('mean ', 'mean $');
    report.add('UndefinedVar', instruction.lines, `Usage of undefined variable '$${name}'${meant}`);
  }
}

/** The words of an instruction that have their variables replaced; those of EXPOSE may come to nothing. */
function expandedWords(instruction: StageInstruction): readonly string[] {
  switch (instruction.kind) {
    case 'arg':
      return instruction.pairs.flatMap(({ value }) => value ?? []);
    case 'env':
    case 'label':
      return instruction.pairs.flatMap(({ name, value }) => [name, value]);
    case 'copy':
    case 'add':
      return [...instruction.sources, instruction.destination, instruction.chown, instruction.chmod];
    case 'workdir':
    case 'user':
    case 'stopsignal':
      return [instruction.word];
    case 'volume':
      return instruction.words;
    case 'run':
      return instruction.mounts;
    default:
      return [];
  }
}

function declared(instruction: StageInstruction): readonly string[] {
  const isDeclaration = instruction.kind === 'arg' || instruction.kind === 'env';
  return isDeclaration ? instruction.pairs.map(({ name }) => name) : [];
}

function quietly<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof DockerfileError) return undefined;
    throw error;
  }
}
