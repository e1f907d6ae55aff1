import { DockerfileError } from './errors.ts';
import { readFlags } from './flags.ts';
import type { ArgInstruction, PairsInstruction } from './instructions.ts';
import { type Source, written } from './read-instruction.ts';
import { atLeastOne } from './read-words.ts';
import { splitQuoted } from './words.ts';

/** ENV and LABEL. */
export function readPairs(source: Source, kind: PairsInstruction['kind']): PairsInstruction {
  readFlags(source.flags, {});
  const words = splitQuoted(source.rest, source.token);
  const [first] = words;
  if (first === undefined) throw atLeastOne(source);
  const isLegacy = !first.includes('=');
  const pairs = isLegacy ? [legacyPair(source)] : words.map((word) => pairOf(source, word));
  return { kind, ...written(source), pairs, isLegacy };
}

/** `ENV name all the rest`. */
function legacyPair({ keyword, rest }: Source): { name: string; value: string } {
  const [, name = '', value = ''] = /^(\S+)\s+([\s\S]+)$/.exec(rest) ?? [];
  if (name === '') throw new DockerfileError(`${keyword} must have two arguments`, undefined, 'syntax');
  return { name, value };
}

function pairOf({ keyword }: Source, word: string): { name: string; value: string } {
  const equals = word.indexOf('=');
  if (equals < 0) {
    throw new DockerfileError(
      `Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`,
      undefined,
      'syntax',
    );
  }
  if (equals === 0) throw new DockerfileError(`${keyword} names can not be blank`);
  return { name: word.slice(0, equals), value: word.slice(equals + 1) };
}

export function readArg(source: Source): ArgInstruction {
  readFlags(source.flags, {});
  const words = splitQuoted(source.rest, source.token);
  if (words.length === 0) throw atLeastOne(source);
  const pairs = words.map((word) => {
    const equals = word.indexOf('=');
    if (equals === 0) throw new DockerfileError('ARG names can not be blank');
    return equals < 0
      ? { name: word, value: undefined }
      : { name: word.slice(0, equals), value: word.slice(equals + 1) };
  });
  return { kind: 'arg', ...written(source), pairs };
}
