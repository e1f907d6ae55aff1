import { ownValue } from '../../base/own-value.ts';
import type { Dockerfile } from '../../dockerfile/dockerfile.ts';
import { at, DockerfileError } from '../../dockerfile/errors.ts';
import { expand } from '../../dockerfile/expansion.ts';
import { suggestion } from '../../dockerfile/suggestion.ts';
import type { CompileOptions } from './compile.ts';
import { globalArgs } from './global-args.ts';
import { inputNames } from './input-names.ts';

/** The number of the stage that is to be built. */
export function targetOf({ stages }: Dockerfile, target: string): number {
  if (target === '') return stages.length - 1;
  const found = stageBefore(stages.length, target, stages);
  if (found === undefined)
    throw new DockerfileError(
      `target stage ${JSON.stringify(target)} could not be found${suggestion(
        target,
        stages.map(({ from }) => from.name).filter((name) => name !== ''),
      )}`,
    );
  return found;
}

/** The stage of that name or number among the first ones: the last that has the name. */
export function stageBefore(count: number, name: string, stages: Dockerfile['stages']): number | undefined {
  const lower = name.toLowerCase();
  const byName = stages.slice(0, count).findLastIndex(({ from }) => from.name === lower && lower !== '');
  if (byName >= 0) return byName;
  return /^\d{1,6}$/.test(name) && Number(name) < count ? Number(name) : undefined;
}

/** The numbers of the stages that the target needs as far as the file says, its own last. */
export function neededStages(
  file: Dockerfile,
  options: Pick<CompileOptions, 'platform' | 'host' | 'target' | 'args'> & {
    readonly contexts: Readonly<Record<string, unknown>>;
  },
): number[] {
  const globals = globalArgs(file, options);
  const expansion = { escape: file.directives.escape, lookup: (name: string) => globals.get(name) };
  const needed = new Set<number>();
  const visit = (number: number): void => {
    const stage = file.stages[number];
    if (stage === undefined || needed.has(number)) return;
    needed.add(number);
    const base = at(stage.from.lines, () => expand(stage.from.image, expansion));
    for (const name of [base, ...stage.instructions.flatMap(inputNames)]) {
      const isContext = ownValue(options.contexts, name) !== undefined;
      const earlier = isContext ? undefined : stageBefore(number, name, file.stages);
      if (earlier !== undefined) visit(earlier);
    }
  };
  visit(targetOf(file, options.target));
  return [...needed].sort((left, right) => left - right);
}
