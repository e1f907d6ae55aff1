import type { Dockerfile } from '../../dockerfile/dockerfile.ts';
import { proxyNames } from './scope.ts';

/** Those of the build's arguments that the file does not declare and that mean nothing by themselves, sorted. */
export function unusedArgs(
  { globals, stages }: Dockerfile,
  args: Readonly<Record<string, string>>,
): readonly string[] {
  const declared = [globals, ...stages.map(({ instructions }) => instructions)]
    .flat()
    .flatMap((instruction) => (instruction.kind === 'arg' ? instruction.pairs.map(({ name }) => name) : []));
  const known = new Set([...declared, ...proxyNames, 'SOURCE_DATE_EPOCH']);
  return Object.keys(args)
    .filter((name) => !known.has(name) && !/^(?:BUILDKIT_|TARGET|BUILD)/.test(name))
    .sort();
}
