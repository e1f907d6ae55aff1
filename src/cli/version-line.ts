import type { CommandLineOptions } from './session.ts';

/** What `--version` prints. */
export function versionLine(options: CommandLineOptions): string {
  const { programName = 'sampan', version = '0.1.0', commit = 'unknown' } = options;
  const name = programName === 'docker' ? 'Docker' : 'Sampan';
  return `${name} version ${version}, build ${commit}\n`;
}
