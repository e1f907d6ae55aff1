import { at, DockerfileError } from './errors.ts';
import { splitFlags } from './flags.ts';
import type { Instruction } from './instructions.ts';
import { readAdd, readCopy } from './read-copy.ts';
import { readFrom } from './read-from.ts';
import { readHealthcheck } from './read-healthcheck.ts';
import { readArg, readPairs } from './read-pairs.ts';
import {
  readCommand,
  readMaintainer,
  readOnbuild,
  readRun,
  readShell,
  readVolume,
  readWord,
  readWords,
} from './read-words.ts';
import type { Statement } from './statements.ts';
import { suggestion } from './suggestion.ts';

/** A statement whose flags are cut off, for the reader of its instruction. */
export interface Source {
  /** In capitals. */
  readonly keyword: string;
  readonly statement: Statement;
  readonly flags: readonly string[];
  readonly rest: string;
  readonly token: string;
}

const readers: Readonly<Record<string, (source: Source) => Instruction>> = {
  ADD: readAdd,
  ARG: readArg,
  CMD: (source) => readCommand(source, 'cmd'),
  COPY: readCopy,
  ENTRYPOINT: (source) => readCommand(source, 'entrypoint'),
  ENV: (source) => readPairs(source, 'env'),
  EXPOSE: (source) => readWords(source, 'expose'),
  FROM: readFrom,
  HEALTHCHECK: readHealthcheck,
  LABEL: (source) => readPairs(source, 'label'),
  MAINTAINER: readMaintainer,
  ONBUILD: readOnbuild,
  RUN: readRun,
  SHELL: readShell,
  STOPSIGNAL: (source) => readWord(source, 'stopsignal'),
  USER: (source) => readWord(source, 'user'),
  VOLUME: readVolume,
  WORKDIR: (source) => readWord(source, 'workdir'),
};

/** Flags of these stand in the text that they keep for later. */
const keepsFlags = new Set(['ONBUILD']);

/** Reads one instruction; `token` is the escape character. Fails with DockerfileError, which says where. */
export function readInstruction(statement: Statement, token: string): Instruction {
  return at(statement.lines, () => {
    const keyword = statement.keyword.toUpperCase();
    const reader = readers[keyword];
    if (reader === undefined) {
      const meant = suggestion(keyword, Object.keys(readers));
      // In the case in which it is written.
      const shown = statement.keyword === keyword ? meant : meant.toLowerCase();
      throw new DockerfileError(`unknown instruction: ${statement.keyword}${shown}`);
    }
    const { words, rest } = keepsFlags.has(keyword)
      ? { words: [], rest: statement.rest }
      : splitFlags(statement.rest);
    return reader({ keyword, statement, flags: words, rest, token });
  });
}

/** What every instruction has. */
export function written({ statement }: Source): { lines: Statement['lines']; text: string } {
  return { lines: statement.lines, text: statement.original };
}
