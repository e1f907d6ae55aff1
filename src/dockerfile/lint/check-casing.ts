import type { Dockerfile } from '../dockerfile.ts';
import type { LintReport } from './report.ts';

/** Instructions, keywords and names are written in one way. */
export function checkCasing({ statements, globals, stages }: Dockerfile, report: LintReport): void {
  const counted = statements.slice(globals.length);
  const lower = counted.filter(({ keyword }) => keyword === keyword.toLowerCase()).length;
  const upper = counted.filter(({ keyword }) => keyword === keyword.toUpperCase()).length;
  const casing = lower > upper ? 'lowercase' : 'uppercase';
  for (const { keyword, lines } of counted) {
    const right = casing === 'lowercase' ? keyword.toLowerCase() : keyword.toUpperCase();
    if (keyword === right) continue;
    const detail = `Command '${keyword}' should match the case of the command majority (${casing})`;
    report.add('ConsistentInstructionCasing', lines, detail);
  }
  for (const { from } of stages) {
    const { keyword, asKeyword, lines } = from;
    const isLower = keyword === keyword.toLowerCase();
    const isUpper = keyword === keyword.toUpperCase();
    const matches =
      (isLower && asKeyword === asKeyword.toLowerCase()) ||
      (isUpper && asKeyword === asKeyword.toUpperCase());
    if (asKeyword === '' || matches || (!isLower && !isUpper)) continue;
    report.add('FromAsCasing', lines, `'${asKeyword}' and '${keyword}' keywords' casing do not match`);
  }
}
