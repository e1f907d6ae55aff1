import { posix } from 'node:path';
import type { SandboxLimits } from '../../containers/sandbox/contract.ts';
import { DockerfileError } from '../../dockerfile/errors.ts';
import { type ExpansionOptions, expand } from '../../dockerfile/expansion.ts';
import type { Heredoc } from '../../dockerfile/heredoc.ts';
import { heredocHead } from '../../dockerfile/heredoc.ts';
import type { CopyInstruction, RunInstruction, WordInstruction } from '../../dockerfile/instructions.ts';
import { hasWildcards } from '../../dockerfile/path-pattern.ts';
import type { Platform } from '../../oci/image.ts';
import { type CopySource, makeVertex, type RunOperation, type Vertex } from '../definition/vertex.ts';
import { commandWords, inWorkingDirectory } from './config-steps.ts';
import { remoteVertex } from './remote-sources.ts';
import { readMount, resolveMount } from './run-mounts.ts';
import { commandEnv, declares, lookupIn } from './scope.ts';
import { after, type StageState, shellOf, withLine } from './stage-state.ts';

/** What an instruction that makes a layer must know besides its stage. */
export interface StepOptions {
  readonly expansion: ExpansionOptions;
  /** The vertex of a stage, image or context by its name; "" for the main context. */
  readonly inputOf: (name: string) => Vertex;
  readonly note: (text: string) => Vertex['note'];
  readonly platform: Platform;
  readonly network: string;
  readonly mayUseHostNetwork: boolean;
  readonly hostname: string;
  readonly extraHosts: readonly string[];
  readonly limits: SandboxLimits;
  readonly style: 'classic' | 'buildkit';
  /** "NAME=value" of the arguments that every command sees. */
  readonly proxies: readonly string[];
}

/** Numbers the inputs of a vertex, each once. */
class Inputs {
  readonly list: Vertex[];

  constructor(root: Vertex) {
    this.list = [root];
  }

  add(vertex: Vertex): number {
    const known = this.list.indexOf(vertex, 1);
    return known > 0 ? known : this.list.push(vertex) - 1;
  }
}

export function applyRun(state: StageState, instruction: RunInstruction, options: StepOptions): StageState {
  // A Dockerfile may be anybody's: the host's network is not for it to take.
  if (instruction.network === 'host' && !options.mayUseHostNetwork) {
    throw new DockerfileError('network.host is not allowed');
  }
  const inputs = new Inputs(state.root);
  const workingDirectory = state.process.WorkingDir || '/';
  const mounts = instruction.mounts.map((text) => {
    const written = readMount(text, (word) => expand(word, options.expansion));
    return resolveMount(written, workingDirectory, (from) => inputs.add(options.inputOf(from)));
  });
  const { args, files } = commandOf(state, instruction);
  const operation: RunOperation = {
    ...{ kind: 'run', args, files, workingDirectory, mounts, user: state.process.User ?? '' },
    env: commandEnv(state.scope),
    proxies: options.proxies.filter((entry) => !declares(state.scope, entry)),
    hostname: options.hostname,
    network: networkOf(instruction.network || options.network),
    security: instruction.security === 'insecure' ? 'insecure' : 'sandbox',
    ...{ platform: options.platform, extraHosts: options.extraHosts, limits: options.limits },
  };
  const root = makeVertex(operation, inputs.list, options.note(instruction.text));
  const { env, args: declared } = state.scope;
  const visible = [...declared.keys()].map((name) => `${name}=${lookupIn(state.scope)(name) ?? ''}`);
  const shown = files.length > 0 ? [...shellOf(state.process), ...args] : args;
  const text = ['RUN', ...withCount(visible), ...shown, '# buildkit'].join(' ');
  const seen = [...declared].flatMap(([name, value]) =>
    value === undefined || env.has(name) ? [] : [`${name}=${value}`],
  );
  // The classic builder counts the arguments that it does not show.
  const counted = seen.length === 0 && operation.proxies.length > 0 ? ['|0'] : withCount(seen.sort());
  return withLine(state, { root }, text, [...counted, ...args].join(' '));
}

/** The build's arguments stand before a command's words. */
function withCount(visible: readonly string[]): string[] {
  return visible.length === 0 ? [] : [`|${visible.length}`, ...visible];
}

/** A lone document is the script itself; with "#!" it is a program. Any other document is the shell's own to read. */
function commandOf(
  state: StageState,
  { command, heredocs }: RunInstruction,
): Pick<RunOperation, 'args' | 'files'> {
  const [only] = heredocs;
  const [line = ''] = command.words;
  if (only === undefined) return { args: commandWords(state, command), files: [] };
  const isAlone = heredocs.length === 1 && heredocHead(line, '\\') !== undefined;
  if (!isAlone) {
    const documents = heredocs.map(({ content, name }) => `${content}${name}`);
    return {
      args: commandWords(state, { isShell: true, words: [[line, ...documents].join('\n')] }),
      files: [],
    };
  }
  if (!only.content.startsWith('#!')) {
    return { args: commandWords(state, { isShell: true, words: [only.content] }), files: [] };
  }
  const path = `/dev/pipes/${posix.basename(only.name)}`;
  return { args: [path], files: [{ path, mode: 0o755, content: only.content }] };
}

function networkOf(text: string): RunOperation['network'] {
  if (text === '' || text === 'default' || text === 'bridge') return 'default';
  if (text === 'none' || text === 'host') return text;
  if (text.startsWith('container:')) return { container: text.slice('container:'.length) };
  return { name: text };
}

export function applyCopy(state: StageState, instruction: CopyInstruction, options: StepOptions): StageState {
  const { expansion } = options;
  const inputs = new Inputs(state.root);
  const sources = instruction.sources.map((word) => sourceOf(word, instruction, options, inputs));
  const written = expand(instruction.destination, expansion);
  const path = inWorkingDirectory(state, written);
  const isDirectory = /(^|\/)\.?$/.test(written) || instruction.parents;
  const operation = {
    kind: 'copy',
    sources,
    destination: isDirectory && path !== '/' ? `${path}/` : path,
    owner: expand(instruction.chown, expansion),
    mode: expand(instruction.chmod, expansion),
    link: instruction.link && instruction.chmod === '',
    keepsParents: instruction.parents,
  } as const;
  const root = makeVertex(operation, inputs.list, options.note(instruction.text));
  const keyword = instruction.kind.toUpperCase();
  const { owner, mode } = operation;
  const parents = instruction.parents ? '--parents' : '';
  const flags = [parents, owner === '' ? '' : `--chown=${owner}`, mode === '' ? '' : `--chmod=${mode}`];
  const words = [keyword, ...flags, ...sourceWords(instruction, expansion), written, '# buildkit'];
  const shell = shellOf(state.process).join(' ');
  return withLine(state, { root }, words.filter((word) => word !== '').join(' '), {
    ...{ shell, keyword, owner, destination: written },
  });
}

/** As BuildKit's histories have them: documents last. */
function sourceWords({ sources, heredocs }: CopyInstruction, expansion: ExpansionOptions): string[] {
  const documents = sources.flatMap((word) => documentOf(word, heredocs, expansion.escape) ?? []);
  const others = sources.filter((word) => documentOf(word, heredocs, expansion.escape) === undefined);
  return [...others.map((word) => expand(word, expansion)), ...documents.map(({ name }) => `<<${name}`)];
}

function sourceOf(
  word: string,
  instruction: CopyInstruction,
  { expansion, inputOf, note }: StepOptions,
  inputs: Inputs,
): CopySource {
  const document = documentOf(word, instruction.heredocs, expansion.escape);
  if (document !== undefined) {
    const content = document.expands ? expandDocument(document.content, expansion) : document.content;
    return { type: 'inline', name: document.name, content };
  }
  const text = expand(word, expansion);
  const excludes = instruction.excludes;
  const isAdd = instruction.kind === 'add';
  const remote = isAdd ? remoteVertex(text, instruction, note(`ADD ${text}`)) : undefined;
  if (remote !== undefined) {
    const input = inputs.add(remote);
    const unpack = remote.operation.kind === 'http' && instruction.unpack === true;
    return {
      type: 'input',
      input,
      path: '/',
      hasWildcards: false,
      excludes,
      unpack,
      pivot: '',
      required: true,
    };
  }
  if (instruction.checksum !== '') throw new DockerfileError('checksum requires HTTP(S) or Git sources');
  const [before = '', ...behind] = instruction.parents ? text.split('/./') : [text];
  return {
    ...{
      type: 'input',
      input: inputs.add(inputOf(instruction.from)),
      path: posix.resolve('/', text),
      excludes,
    },
    hasWildcards: hasWildcards(text),
    unpack: isAdd && instruction.unpack !== false,
    pivot: behind.length === 0 ? '' : posix.resolve('/', before),
    required: !hasWildcards(text),
  };
}

function documentOf(word: string, heredocs: readonly Heredoc[], token: string): Heredoc | undefined {
  const head = heredocHead(word, token);
  return head === undefined ? undefined : heredocs.find(({ name }) => name === head.name);
}

/** In a document quotes are text like any other; only variables and escapes count. */
function expandDocument(content: string, options: ExpansionOptions): string {
  return expand(
    content.replace(/["']/g, (quote) => `${options.escape}${quote}`),
    options,
  );
}

export function applyWorkdir(
  state: StageState,
  { word, text }: WordInstruction,
  options: StepOptions,
): StageState {
  const path = inWorkingDirectory(state, expand(word, options.expansion));
  const process = { ...state.process, WorkingDir: path };
  const line = `WORKDIR ${path}`;
  if (path === '/') return after(state, line, { process }, `#(nop) ${line}`);
  const owner = options.style === 'classic' ? '' : (state.process.User ?? '');
  const operation = { kind: 'directory', path, mode: 0o755, owner } as const;
  const root = makeVertex(operation, [state.root], options.note(text));
  return after(state, line, { process, root }, `#(nop) ${line}`);
}
