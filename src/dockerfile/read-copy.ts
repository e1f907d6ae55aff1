import { DockerfileError } from './errors.ts';
import { type Flags, readFlags } from './flags.ts';
import type { CopyInstruction } from './instructions.ts';
import { type Source, written } from './read-instruction.ts';
import { jsonWords, splitBlanks } from './words.ts';

const common = { chown: 'text', chmod: 'text', link: 'boolean', exclude: 'list' } as const;

export function readCopy(source: Source): CopyInstruction {
  const flags = readFlags(source.flags, { ...common, from: 'text', parents: 'boolean' });
  const from = flags.text('from');
  if (from.includes('$')) {
    throw new DockerfileError(
      'variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround',
      undefined,
      'meaning',
    );
  }
  const copy = {
    ...base(source, flags),
    kind: 'copy',
    from,
    parents: flags.boolean('parents') ?? false,
  } as const;
  for (const word of copy.sources) {
    if (/^git@|^git:\/\/|^https?:\/\/.*\.git(?:[#?]|$)/.test(word)) {
      throw new DockerfileError("source can't be a git ref for COPY", undefined, 'meaning');
    }
    if (/^https?:\/\//.test(word)) {
      throw new DockerfileError("source can't be a URL for COPY", undefined, 'meaning');
    }
  }
  return copy;
}

export function readAdd(source: Source): CopyInstruction {
  const flags = readFlags(source.flags, {
    ...common,
    checksum: 'text',
    'keep-git-dir': 'boolean',
    unpack: 'boolean',
  });
  return {
    ...base(source, flags),
    kind: 'add',
    checksum: flags.text('checksum'),
    keepGitDir: flags.boolean('keep-git-dir') ?? false,
    unpack: flags.boolean('unpack'),
  };
}

function base(source: Source, flags: Flags): Omit<CopyInstruction, 'kind'> {
  const words = jsonWords(source.rest) ?? splitBlanks(source.rest);
  const destination = words.at(-1);
  if (destination === undefined || words.length === 1) {
    throw new DockerfileError(
      `${source.keyword} requires at least two arguments, but only one was provided. Destination could not be determined`,
    );
  }
  return {
    ...written(source),
    sources: words.slice(0, -1),
    destination,
    heredocs: source.statement.heredocs,
    chown: flags.text('chown'),
    chmod: flags.text('chmod'),
    excludes: flags.list('exclude'),
    link: flags.boolean('link') ?? false,
    ...{ from: '', checksum: '', parents: false, keepGitDir: false, unpack: undefined },
  };
}
