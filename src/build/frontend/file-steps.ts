import { posix } from 'node:path';
import { withoutCredentials } from '../../base/without-credentials.ts';
import { DockerfileError } from '../../dockerfile/errors.ts';
import { type ExpansionOptions, expand } from '../../dockerfile/expansion.ts';
import type { Heredoc } from '../../dockerfile/heredoc.ts';
import { heredocHead } from '../../dockerfile/heredoc.ts';
import type { CopyInstruction, WordInstruction } from '../../dockerfile/instructions.ts';
import { hasWildcards } from '../../dockerfile/path-pattern.ts';
import { type CopySource, makeVertex } from '../definition/vertex.ts';
import { inWorkingDirectory } from './config-steps.ts';
import { Inputs } from './inputs.ts';
import { remoteVertex } from './remote-sources.ts';
import { after, type StageState, shellOf, withLine } from './stage-state.ts';
import type { StepOptions } from './step-options.ts';

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
  const checksum = expand(instruction.checksum, expansion);
  const wanted = { checksum, keepGitDir: instruction.keepGitDir };
  const remote = isAdd ? remoteVertex(text, wanted, note(`ADD ${withoutCredentials(text)}`)) : undefined;
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
  if (checksum !== '') throw new DockerfileError('checksum requires HTTP(S) or Git sources');
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
