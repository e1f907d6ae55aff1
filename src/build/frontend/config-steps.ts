import { constants } from 'node:os';
import { posix } from 'node:path';
import { DockerfileError } from '../../dockerfile/errors.ts';
import { type ExpansionOptions, expand, expandToWords } from '../../dockerfile/expansion.ts';
import { exposedPorts } from '../../dockerfile/exposed-ports.ts';
import type {
  CommandInstruction,
  HealthcheckInstruction,
  OnbuildInstruction,
  PairsInstruction,
  ShellInstruction,
  WordInstruction,
  WordsInstruction,
} from '../../dockerfile/instructions.ts';
import { plainHealth, quotedHealth, quotedList } from './go-format.ts';
import { entriesOf, envOf, withEnv } from './scope.ts';
import { after, type StageState, shellOf } from './stage-state.ts';

/** Instructions that change an image's configuration and nothing in its files. */

export function applyEnv(
  state: StageState,
  { pairs }: PairsInstruction,
  options: ExpansionOptions,
): StageState {
  // All of one instruction see what was before it.
  const set = pairs.map(({ name, value }): [string, string] => [
    expand(name, options),
    expand(value, options),
  ]);
  const env = new Map([...envOf(state.process.Env ?? []), ...set]);
  const text = `ENV ${set.map(([name, value]) => `${name}=${value}`).join(' ')}`;
  const process = { ...state.process, Env: entriesOf(env) };
  return after(state, text, { process, scope: withEnv(state.scope, set) });
}

export function applyLabel(
  state: StageState,
  { pairs }: PairsInstruction,
  options: ExpansionOptions,
): StageState {
  const set = pairs.map(({ name, value }): [string, string] => [
    expand(name, options),
    expand(value, options),
  ]);
  const text = `LABEL ${set.map(([name, value]) => `${name}=${value}`).join(' ')}`;
  return after(state, text, {
    process: { ...state.process, Labels: { ...state.process.Labels, ...Object.fromEntries(set) } },
  });
}

/** The words of a command, a shell's line behind the stage's shell. */
export function commandWords(
  { process }: Pick<StageState, 'process'>,
  command: CommandInstruction['command'],
): string[] {
  if (!command.isShell) return [...command.words];
  return command.words.length === 0 ? [] : [...shellOf(process), ...command.words];
}

export function applyCommand(state: StageState, { kind, command }: CommandInstruction): StageState {
  const words = commandWords(state, command);
  const text = `${kind.toUpperCase()} ${quotedList(words)}`;
  if (kind === 'cmd') {
    return after(state, text, {
      process: { ...state.process, Cmd: words, ArgsEscaped: true },
      hasOwnCommand: true,
    });
  }
  const kept = state.hasOwnCommand ? state.process.Cmd : null;
  const process = { ...state.process, Entrypoint: words.length === 0 ? null : words, Cmd: kept ?? null };
  return after(state, text, { process });
}

export function applyShell(state: StageState, { words }: ShellInstruction): StageState {
  return after(state, `SHELL [${words.join(' ')}]`, { process: { ...state.process, Shell: [...words] } });
}

export function applyUser(
  state: StageState,
  { word }: WordInstruction,
  options: ExpansionOptions,
): StageState {
  const user = expand(word, options);
  return after(state, `USER ${user}`, { process: { ...state.process, User: user } });
}

export function applyStopSignal(
  state: StageState,
  { word }: WordInstruction,
  options: ExpansionOptions,
): StageState {
  const signal = expand(word, options);
  checkSignal(signal);
  return after(state, `STOPSIGNAL ${signal}`, { process: { ...state.process, StopSignal: signal } });
}

function checkSignal(text: string): void {
  const name = `SIG${text.toUpperCase().replace(/^SIG/, '')}`;
  const isReal = /^SIG(?:RTMIN(?:\+\d{1,2})?|RTMAX(?:-\d{1,2})?)$/.test(name);
  const isNumber = /^\d{1,2}$/.test(text) && Number(text) > 0 && Number(text) <= 64;
  if (!isReal && !isNumber && !(name in constants.signals))
    throw new DockerfileError(`invalid signal: ${text}`);
}

export function applyMaintainer(state: StageState, { word }: WordInstruction): StageState {
  return after(state, `MAINTAINER ${word}`, { author: word });
}

export function applyVolume(
  state: StageState,
  { words }: WordsInstruction,
  options: ExpansionOptions,
): StageState {
  const paths = words.map((word) => expand(word, options));
  if (paths.includes('')) throw new DockerfileError('VOLUME specified can not be an empty string');
  const added = Object.fromEntries(paths.map((path) => [path, {}]));
  return after(state, `VOLUME [${paths.join(' ')}]`, {
    process: { ...state.process, Volumes: { ...state.process.Volumes, ...added } },
  });
}

export function applyExpose(
  state: StageState,
  { words }: WordsInstruction,
  options: ExpansionOptions,
): StageState {
  // Sorted as they are written.
  const written = [...words].sort().flatMap((word) => expandToWords(word, options));
  const ports = [...new Set(written.flatMap(exposedPorts))];
  const added = Object.fromEntries(ports.map((port) => [port, {}]));
  const process = { ...state.process, ExposedPorts: { ...state.process.ExposedPorts, ...added } };
  const text = `EXPOSE [${ports.join(' ')}]`;
  return after(state, text, { process }, `#(nop)  EXPOSE ${written.join(' ')}`);
}

/** The classic builder takes from the check before what this one does not say. */
export function applyHealthcheck(
  state: StageState,
  { health }: HealthcheckInstruction,
  style: 'classic' | 'buildkit',
): StageState {
  const before = style === 'classic' ? state.process.Healthcheck : undefined;
  const process = { ...state.process, Healthcheck: { ...before, ...health } };
  const classic = `#(nop)  HEALTHCHECK ${plainHealth(health)}`;
  return after(state, `HEALTHCHECK ${quotedHealth(health)}`, { process }, classic);
}

/** BuildKit's histories have no line for it. */
export function applyOnbuild(
  state: StageState,
  { trigger }: OnbuildInstruction,
  style: 'classic' | 'buildkit',
): StageState {
  const process = { ...state.process, OnBuild: [...(state.process.OnBuild ?? []), trigger] };
  if (style === 'buildkit') return { ...state, process };
  return after(state, `ONBUILD ${trigger}`, { process });
}

/** Where a relative path of an instruction leads. */
export function inWorkingDirectory({ process }: Pick<StageState, 'process'>, path: string): string {
  return posix.resolve('/', process.WorkingDir || '/', path);
}
