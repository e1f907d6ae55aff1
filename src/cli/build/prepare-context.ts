import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { messageOf } from '../../base/errors.ts';
import { type IgnoreRules, readIgnoreFile } from '../../dockerfile/ignore-file.ts';
import { CommandError } from '../command-error.ts';
import { type LeftOut, nothing, oneMore } from '../copy/left-out.ts';
import type { Io } from '../io.ts';
import type { ContextSource } from './context-source.ts';
import {
  contextDirectory,
  type DockerfilePlace,
  ignoreFileOf,
  placeOfDockerfile,
  readIfThere,
} from './dockerfile-place.ts';
import { packContext } from './pack-context.ts';
import { contextFromInput, readDockerfile } from './stdin-context.ts';
import type { ContextFiles } from './walk-context.ts';

/** What goes to the daemon of the files that an image is built from. */
export interface PreparedContext {
  /** Path in the context; empty for the usual one. */
  readonly dockerfile: string;
  /** What the user calls the Dockerfile, where that is something else. */
  readonly filename?: string;
  /** What the daemon fetches itself, instead of `body`. */
  readonly remote: string | undefined;
  /** A tar. */
  readonly body: AsyncIterable<Uint8Array> | undefined;
  /** The same, of a directory. */
  readonly files?: ContextFiles;
  readonly sockets: Sockets;
}

/** What cannot be sent. Known when the body has been read. */
class Sockets {
  leftOut: LeftOut = nothing;

  readonly onSocket = (path: string): void => {
    this.leftOut = oneMore(this.leftOut, path);
  };
}

export interface ContextChoice {
  readonly source: ContextSource;
  /** The Dockerfile as the command line names it: "-" for standard input, empty for the usual one. */
  readonly file: string;
  /** Whether an ignore file of one Dockerfile alone counts, which Docker's classic builder does not know. */
  readonly ownIgnoreFiles: boolean;
}

const IGNORE_FILE = '.dockerignore';

/** Nothing is sent yet, and of a directory only the Dockerfile and the ignore file are read. Throws CommandError in Docker's words. */
export async function prepareContext(choice: ContextChoice, io: Pick<Io, 'stdin'>): Promise<PreparedContext> {
  const { source, file } = choice;
  if (source.kind === 'directory') return prepareDirectory(source.path, choice, io);
  if (file === '-' && source.kind === 'stdin') {
    throw new CommandError("invalid argument: can't use stdin for both build context and dockerfile");
  }
  if (source.kind === 'stdin') {
    return { ...(await contextFromInput(io.stdin(), file)), remote: undefined, sockets: new Sockets() };
  }
  if (file === '-') throw new CommandError('the Dockerfile of a remote context must be within the context');
  return { dockerfile: file, remote: source.url, body: undefined, sockets: new Sockets() };
}

/** A local directory as it is, for `--build-context`, with its own ignore file applied. */
export function packNamedContext(path: string): AsyncGenerator<Uint8Array, void, void> {
  const directory = contextDirectory(path);
  const rules = rulesOf(ignoreFileIn(directory, IGNORE_FILE), IGNORE_FILE);
  const files = { directory, rules, always: new Set<string>(), rewritten: new Map(), added: new Map() };
  return packContext(files, { onSocket: () => {} });
}

async function prepareDirectory(
  given: string,
  choice: ContextChoice,
  io: Pick<Io, 'stdin'>,
): Promise<PreparedContext> {
  const directory = contextDirectory(given);
  const place: DockerfilePlace =
    choice.file === '-'
      ? { kind: 'outside', text: await readDockerfile(io.stdin()), ignoreFile: undefined }
      : placeOfDockerfile(directory, choice.file);
  const { dockerfile, ...chosen } = filesToSend(directory, place, choice.ownIgnoreFiles);
  const files = { directory, ...chosen };
  const sockets = new Sockets();
  const usual = choice.file === '-' ? 'Dockerfile' : basename(choice.file);
  return {
    ...{ dockerfile, files, sockets, remote: undefined, body: packContext(files, sockets) },
    ...(place.kind === 'outside' ? { filename: usual } : {}),
  };
}

type FilesToSend = Pick<ContextFiles, 'rules' | 'always' | 'rewritten' | 'added'> & {
  readonly dockerfile: string;
};

/** A Dockerfile that is not in the context goes with it, with a line in the ignore file that keeps it out of the image. */
function filesToSend(directory: string, place: DockerfilePlace, ownIgnoreFiles: boolean): FilesToSend {
  const shared = ignoreFileIn(directory, IGNORE_FILE);
  if (place.kind === 'inside') {
    const ownName = ignoreFileOf(place.path);
    const own = ownIgnoreFiles ? ignoreFileIn(directory, ownName) : undefined;
    const [text, name] = own === undefined ? [shared, IGNORE_FILE] : [own, ownName];
    return {
      dockerfile: place.path,
      rules: rulesOf(text, name),
      always: new Set([place.path, name]),
      rewritten: new Map(),
      added: new Map(),
    };
  }
  // The same name for the same text: it may be copied with the ignore file, which would be another each time.
  const dockerfile = `.dockerfile.${createHash('sha256').update(place.text).digest('hex').slice(0, 20)}`;
  const own = ownIgnoreFiles ? place.ignoreFile : undefined;
  const lines = Buffer.concat([shared ?? Buffer.from(IGNORE_FILE), Buffer.from(`\n${dockerfile}\n`)]);
  return {
    dockerfile,
    rules: own === undefined ? rulesOf(shared, IGNORE_FILE) : rulesOf(own, "the Dockerfile's ignore file"),
    always: new Set([IGNORE_FILE]),
    rewritten: new Map(shared === undefined ? [] : [[IGNORE_FILE, lines]]),
    added: new Map([
      [dockerfile, place.text],
      ...(shared === undefined ? [[IGNORE_FILE, lines] as const] : []),
    ]),
  };
}

/** Undefined where there is none. A link to outside of the context is refused, since its file would be sent. */
function ignoreFileIn(directory: string, name: string): Buffer | undefined {
  const path = join(directory, name);
  const bytes = readIfThere(path);
  if (bytes === undefined || !relative(directory, realpathSync(path)).startsWith('../')) return bytes;
  throw new CommandError(`error checking context: ${path} is a link to a file outside of the context`);
}

function rulesOf(text: Uint8Array | undefined, name: string): IgnoreRules | undefined {
  if (text === undefined) return undefined;
  try {
    return readIgnoreFile(Buffer.from(text).toString());
  } catch (reason) {
    const where = name === IGNORE_FILE ? '' : `${name}: `;
    throw new CommandError(`error checking context: ${where}${messageOf(reason)}`);
  }
}
