import { invalid } from '../../base/errors.ts';
import type { TerminalSize } from '../../runtime/contract.ts';

/** The size that a resize asks for, in which nothing may be missing. */
export function terminalSize({
  h,
  w,
}: {
  readonly h: number | undefined;
  readonly w: number | undefined;
}): TerminalSize {
  if (h === undefined) throw invalid('invalid resize height "": value is empty');
  if (w === undefined) throw invalid('invalid resize width "": value is empty');
  return { rows: h, columns: w };
}
