import type { Dockerfile } from '../../dockerfile/dockerfile.ts';
import type { Lines } from '../../dockerfile/errors.ts';

/** What the comment above an instruction says of a name that it gives: "# build compiles all" says "compiles all". */
export function descriptionOf({ statements }: Dockerfile, lines: Lines, name: string): string {
  if (name === '') return '';
  const statement = statements.find((each) => each.lines.first === lines.first);
  const comment = statement?.comments.find((line) => line.toLowerCase().startsWith(`${name.toLowerCase()} `));
  return comment?.slice(name.length + 1) ?? '';
}

/** As BuildKit says where something is. */
export function locationOf({ first, last }: Lines): unknown {
  return { ranges: [{ start: { line: first }, end: { line: last } }] };
}
