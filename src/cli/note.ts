const HEADER = ' Info -> ';

/** A remark beside a command's output, set off from it as Docker does. */
export function note(text: string): string {
  return `\n${HEADER}${text.replaceAll('\n', `\n${' '.repeat(HEADER.length)}`)}\n`;
}
