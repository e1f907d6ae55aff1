import type { Dockerfile } from '../dockerfile.ts';
import type { Lines } from '../errors.ts';
import type { LintReport } from './report.ts';

/** Comments above arguments and stages are their descriptions: they begin with the name. */
export function checkDescriptions({ statements, globals, stages }: Dockerfile, report: LintReport): void {
  const comments = new Map(statements.map(({ lines, comments: above }) => [lines.first, above]));
  const check = (lines: Lines, what: string, names: readonly string[]): void => {
    const text = comments.get(lines.first)?.at(-1);
    if (text === undefined || text === '' || /^(?:check|syntax|escape)\s*=/i.test(text)) return;
    const [first = ''] = names;
    if (first === '' || names.includes(text.split(/\s/)[0] ?? '')) return;
    const detail = `Comment for ${what} should follow the format: \`# ${first} <description>\``;
    report.add('InvalidDefinitionDescription', lines, detail);
  };
  const args = [...globals, ...stages.flatMap(({ instructions }) => instructions)];
  for (const instruction of args) {
    if (instruction.kind !== 'arg') continue;
    check(
      instruction.lines,
      'ARG',
      instruction.pairs.map(({ name }) => name),
    );
  }
  for (const { from } of stages) check(from.lines, 'FROM', [from.name]);
}
