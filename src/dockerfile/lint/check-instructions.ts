import { posix } from 'node:path';
import type { Dockerfile, Stage } from '../dockerfile.ts';
import type { Lines } from '../errors.ts';
import type { CommandInstruction, CopyInstruction, Instruction, WordsInstruction } from '../instructions.ts';
import type { LintOptions } from './lint.ts';
import type { LintReport } from './report.ts';

/** What single instructions say, and what they say together in a stage. */
export function checkInstructions(
  file: Dockerfile,
  { ignored, base }: LintOptions,
  report: LintReport,
): void {
  const absolute = new Set<string>();
  const shells = new Set<string>();
  for (const { pairs, lines } of file.globals) checkSecrets('ARG', pairs, lines, report);
  for (const [number, stage] of file.stages.entries()) {
    const { from, instructions } = stage;
    checkWorkdirs(stage, number, absolute, report);
    const hasShell = shells.has(from.image.toLowerCase()) || base(from.image)?.hasShell === true;
    if (checkCommands(instructions, hasShell, report)) {
      shells.add(String(number));
      if (from.name !== '') shells.add(from.name);
    }
    for (const instruction of instructions) checkInstruction(instruction, ignored, report);
  }
}

function checkInstruction(
  instruction: Instruction,
  ignored: LintOptions['ignored'],
  report: LintReport,
): void {
  const { kind, lines } = instruction;
  if (kind === 'maintainer') {
    const detail = 'Maintainer instruction is deprecated in favor of using label';
    report.add('MaintainerDeprecated', lines, detail);
  }
  if (kind === 'env' || kind === 'label') checkPairs(instruction, report);
  if (kind === 'env' || kind === 'arg') checkSecrets(kind.toUpperCase(), instruction.pairs, lines, report);
  if (kind === 'expose') checkPorts(instruction, report);
  if (kind === 'copy' || kind === 'add') checkSources(instruction, ignored, report);
}

/** Returns whether the stage's shell was chosen, by itself or before. */
function checkCommands(
  instructions: readonly Instruction[],
  wasChosen: boolean,
  report: LintReport,
): boolean {
  const last = new Map<string, Lines>();
  let hasShell = wasChosen;
  for (const instruction of instructions) {
    checkOnce(instruction, last, report);
    if (instruction.kind === 'shell') hasShell = true;
    if (instruction.kind === 'cmd' || instruction.kind === 'entrypoint')
      checkForm(instruction, hasShell, report);
  }
  return hasShell;
}

/** A stage that begins with another goes on where that has been. */
function checkWorkdirs(
  { from, instructions }: Stage,
  number: number,
  absolute: Set<string>,
  report: LintReport,
): void {
  let isAbsolute = absolute.has(from.image.toLowerCase());
  for (const instruction of instructions) {
    if (instruction.kind !== 'workdir') continue;
    const { word, lines } = instruction;
    const path = word.replace(/^["']/, '');
    if (path.startsWith('/')) isAbsolute = true;
    if (isAbsolute || path.startsWith('$')) continue;
    const detail = `Relative workdir ${JSON.stringify(word)} can have unexpected results if the base image changes`;
    report.add('WorkdirRelativePath', lines, detail);
  }
  if (!isAbsolute) return;
  absolute.add(String(number));
  if (from.name !== '') absolute.add(from.name);
}

const once = new Set(['cmd', 'entrypoint', 'healthcheck']);

/** The earlier one is told of: it counts for nothing. */
function checkOnce({ kind, lines }: Instruction, last: Map<string, Lines>, report: LintReport): void {
  if (!once.has(kind)) return;
  const earlier = last.get(kind);
  last.set(kind, lines);
  if (earlier === undefined) return;
  const detail = `Multiple ${kind.toUpperCase()} instructions should not be used in the same stage because only the last one will be used`;
  report.add('MultipleInstructionsDisallowed', earlier, detail);
}

function checkForm(
  { kind, command, lines }: CommandInstruction,
  hasShell: boolean,
  report: LintReport,
): void {
  if (!command.isShell || hasShell || command.words.length === 0) return;
  const detail = `JSON arguments recommended for ${kind.toUpperCase()} to prevent unintended behavior related to OS signals`;
  report.add('JSONArgsRecommended', lines, detail);
}

function checkPairs(
  { kind, isLegacy, lines }: Extract<Instruction, { kind: 'env' | 'label' }>,
  report: LintReport,
): void {
  if (!isLegacy) return;
  const name = kind.toUpperCase();
  const detail = `"${name} key=value" should be used instead of legacy "${name} key value" format`;
  report.add('LegacyKeyValueFormat', lines, detail);
}

const secret = /(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i;
const harmless = /(?:_|^)(?:public|file|version)(?:_|$)/i;

function checkSecrets(
  keyword: string,
  pairs: readonly { readonly name: string }[],
  lines: Lines,
  report: LintReport,
): void {
  for (const { name } of pairs) {
    if (!secret.test(name) || harmless.test(name)) continue;
    const detail = `Do not use ARG or ENV instructions for sensitive data (${keyword} ${JSON.stringify(name)})`;
    report.add('SecretsUsedInArgOrEnv', lines, detail);
  }
}

function checkPorts({ words, lines }: WordsInstruction, report: LintReport): void {
  for (const word of words) {
    if (word.includes('$')) continue;
    if (word.includes(':')) {
      const detail = `EXPOSE instruction should not define an IP address or host-port mapping, found '${word}'`;
      report.add('ExposeInvalidFormat', lines, detail);
    }
    const protocol = word.slice(word.indexOf('/') + 1);
    if (!word.includes('/') || protocol === protocol.toLowerCase()) continue;
    const detail = `Defined protocol '${word}' in EXPOSE instruction should be lowercase`;
    report.add('ExposeProtoCasing', lines, detail);
  }
}

/** With exceptions among the rules it is not clear what a whole directory still has. */
function checkSources(
  { kind, from, sources, lines }: CopyInstruction,
  ignored: LintOptions['ignored'],
  report: LintReport,
): void {
  if (ignored === undefined || ignored.hasExceptions || from !== '') return;
  for (const source of sources) {
    if (/^[a-z]+:\/\/|^git@|<<|\$/.test(source)) continue;
    const path = posix.resolve('/', source).slice(1);
    if (path === '' || !ignored.ignores(path)) continue;
    const verb = kind === 'copy' ? 'Copy' : 'Add';
    const detail = `Attempting to ${verb} file ${JSON.stringify(source)} that is excluded by .dockerignore`;
    report.add('CopyIgnoredFile', lines, detail);
  }
}
