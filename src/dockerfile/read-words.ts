import { DockerfileError } from './errors.ts';
import { readFlags } from './flags.ts';
import type {
  Command,
  CommandInstruction,
  OnbuildInstruction,
  RunInstruction,
  ShellInstruction,
  WordInstruction,
  WordsInstruction,
} from './instructions.ts';
import { type Source, written } from './read-instruction.ts';
import { jsonWords, splitBlanks } from './words.ts';

export function readRun(source: Source): RunInstruction {
  const flags = readFlags(source.flags, { mount: 'list', network: 'text', security: 'text' });
  const network = flags.text('network');
  if (!['', 'default', 'none', 'host'].includes(network)) {
    throw new DockerfileError(`invalid network mode ${JSON.stringify(network)}`);
  }
  const security = flags.text('security');
  if (!['', 'sandbox', 'insecure'].includes(security)) {
    throw new DockerfileError(`security ${JSON.stringify(security)} is not valid`);
  }
  const command = commandOf(source.rest);
  if (command.words.length === 0) throw atLeastOne(source);
  const { heredocs } = source.statement;
  const mounts = flags.list('mount');
  return { kind: 'run', ...written(source), command, heredocs, mounts, network, security };
}

export function readCommand(source: Source, kind: CommandInstruction['kind']): CommandInstruction {
  readFlags(source.flags, {});
  return { kind, ...written(source), command: commandOf(source.rest) };
}

export function readWord(source: Source, kind: WordInstruction['kind']): WordInstruction {
  readFlags(source.flags, {});
  if (source.rest === '') throw new DockerfileError(`${source.keyword} requires exactly one argument`);
  return { kind, ...written(source), word: source.rest };
}

export function readMaintainer(source: Source): WordInstruction {
  return readWord(source, 'maintainer');
}

export function readWords(source: Source, kind: WordsInstruction['kind']): WordsInstruction {
  readFlags(source.flags, {});
  const words = splitBlanks(source.rest);
  if (words.length === 0) throw atLeastOne(source);
  return { kind, ...written(source), words };
}

export function readVolume(source: Source): WordsInstruction {
  readFlags(source.flags, {});
  const words = jsonWords(source.rest) ?? splitBlanks(source.rest);
  if (words.length === 0) throw atLeastOne(source);
  if (words.some((word) => word.trim() === '')) {
    throw new DockerfileError('VOLUME specified can not be an empty string');
  }
  return { kind: 'volume', ...written(source), words };
}

export function readShell(source: Source): ShellInstruction {
  readFlags(source.flags, {});
  const words = jsonWords(source.rest);
  if (words === undefined) throw new DockerfileError(`SHELL requires the arguments to be in JSON form`);
  if (words.length === 0) throw atLeastOne(source);
  return { kind: 'shell', ...written(source), words };
}

export function readOnbuild(source: Source): OnbuildInstruction {
  const trigger = source.rest;
  const keyword = /^\S*/.exec(trigger)?.[0].toUpperCase() ?? '';
  if (keyword === '') throw atLeastOne(source);
  if (keyword === 'ONBUILD') {
    throw new DockerfileError("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  }
  if (keyword === 'FROM' || keyword === 'MAINTAINER') {
    throw new DockerfileError(`${keyword} isn't allowed as an ONBUILD trigger`);
  }
  const documents = source.statement.heredocs.map(
    ({ content, name, chomps }) => `${chomps ? content.replace(/^\t+/gm, '') : content}${name}\n`,
  );
  return { kind: 'onbuild', ...written(source), trigger: [trigger, ...documents].join('\n') };
}

function commandOf(rest: string): Command {
  const words = jsonWords(rest);
  if (words !== undefined) return { isShell: false, words };
  return { isShell: true, words: rest === '' ? [] : [rest] };
}

export function atLeastOne({ keyword }: Source): DockerfileError {
  return new DockerfileError(`${keyword} requires at least one argument`);
}
