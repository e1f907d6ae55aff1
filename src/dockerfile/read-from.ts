import { DockerfileError } from './errors.ts';
import { readFlags } from './flags.ts';
import type { FromInstruction } from './instructions.ts';
import { type Source, written } from './read-instruction.ts';
import { splitBlanks } from './words.ts';

export function readFrom(source: Source): FromInstruction {
  const flags = readFlags(source.flags, { platform: 'text' });
  const [image = '', asKeyword = '', name = '', ...more] = splitBlanks(source.rest);
  const isComplete = image !== '' && (asKeyword === '' || (/^as$/i.test(asKeyword) && name !== ''));
  if (!isComplete || more.length > 0) {
    throw new DockerfileError('FROM requires either one or three arguments');
  }
  const lower = name.toLowerCase();
  if (lower !== '' && !/^[a-z][a-z0-9-_.]*$/.test(lower)) {
    throw new DockerfileError(
      `invalid name for build stage: ${JSON.stringify(name)}, name can't start with a number or contain symbols`,
    );
  }
  const platform = flags.text('platform');
  const { keyword } = source.statement;
  return { kind: 'from', ...written(source), image, name: lower, platform, keyword, asKeyword };
}
