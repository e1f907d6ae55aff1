import { posix } from 'node:path';
import { DockerfileError } from '../../dockerfile/errors.ts';
import { expand } from '../../dockerfile/expansion.ts';
import { heredocHead } from '../../dockerfile/heredoc.ts';
import type { RunInstruction } from '../../dockerfile/instructions.ts';
import { makeVertex, type RunOperation } from '../definition/vertex.ts';
import { commandWords } from './config-steps.ts';
import { Inputs } from './inputs.ts';
import { readMount, resolveMount } from './run-mounts.ts';
import { commandEnv, declares, lookupIn } from './scope.ts';
import { type StageState, shellOf, withLine } from './stage-state.ts';
import type { StepOptions } from './step-options.ts';

export function applyRun(state: StageState, instruction: RunInstruction, options: StepOptions): StageState {
  // A Dockerfile may be anybody's: the host's network is not for it to take.
  if (instruction.network === 'host' && !options.mayUseHostNetwork) {
    throw new DockerfileError('network.host is not allowed');
  }
  const inputs = new Inputs(state.root);
  const mounts = instruction.mounts.map((text) => {
    const written = readMount(text, (word) => expand(word, options.expansion));
    return resolveMount(written, workingDirectoryOf(state), (from) => inputs.add(options.inputOf(from)));
  });
  const command = commandOf(state, instruction);
  const operation: RunOperation = {
    ...processIn(state, options),
    ...command,
    mounts,
    network: networkOf(instruction.network || options.network),
    security: instruction.security === 'insecure' ? 'insecure' : 'sandbox',
  };
  const root = makeVertex(operation, inputs.list, options.note(instruction.text));
  const { args, files } = command;
  const shown = files.length > 0 ? [...shellOf(state.process), ...args] : args;
  const text = ['RUN', ...withCount(visibleArgs(state)), ...shown, '# buildkit'].join(' ');
  const seen = seenArgs(state);
  // The classic builder counts the arguments that it does not show.
  const counted = seen.length === 0 && operation.proxies.length > 0 ? ['|0'] : withCount(seen.sort());
  return withLine(state, { root }, text, [...counted, ...args].join(' '));
}

/** The stage's shell as it would run in the stage, without anything to do. */
export function shellIn(state: StageState, options: Omit<StepOptions, 'note'>): RunOperation {
  const [shell = ''] = shellOf(state.process);
  return {
    ...processIn(state, options),
    ...{ args: [shell], files: [], mounts: [], security: 'sandbox' },
    network: networkOf(options.network),
  };
}

/** What all processes of a stage have, as far as it has got. */
function processIn(
  state: StageState,
  { proxies, hostname, platform, extraHosts, limits }: Omit<StepOptions, 'note'>,
): Omit<RunOperation, 'args' | 'files' | 'mounts' | 'network' | 'security'> {
  return {
    kind: 'run',
    workingDirectory: workingDirectoryOf(state),
    user: state.process.User ?? '',
    env: commandEnv(state.scope),
    proxies: proxies.filter((entry) => !declares(state.scope, entry)),
    ...{ hostname, platform, extraHosts, limits },
  };
}

function workingDirectoryOf({ process }: StageState): string {
  return process.WorkingDir || '/';
}

/** The build's arguments as BuildKit's histories have them. */
function visibleArgs({ scope }: StageState): string[] {
  return [...scope.args.keys()].map((name) => `${name}=${lookupIn(scope)(name) ?? ''}`);
}

/** Those that the classic builder's show. */
function seenArgs({ scope: { env, args } }: StageState): string[] {
  return [...args].flatMap(([name, value]) =>
    value === undefined || env.has(name) ? [] : [`${name}=${value}`],
  );
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
