import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Figures } from './figures.ts';
import { median } from './measure.ts';
import type { NewestDockerd } from './newest-dockerd.ts';
import type { Peer } from './peers.ts';

const RUNS = 5;
const STEPS = 30;
const CONTEXT_FILES = 50_000;
const COPIED_FILES = 20_000;
const FIRST_FILES = 500;
const STAGES = 6;
const PER_DIRECTORY = 100;

/** A command line that builds, as a person has it. */
export interface BuildCommand {
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

export function sampanBuild(peer: Peer): BuildCommand {
  const compiled = join(import.meta.dir, '../dist/sampan');
  const program = existsSync(compiled) ? compiled : join(import.meta.dir, '../sampan');
  return {
    words: [program, 'build', '--progress', 'plain'],
    environment: { SAMPAN_HOST: `unix://${peer.socket}` },
  };
}

export function buildkitBuild({ socket, clientConfig }: NewestDockerd): BuildCommand {
  return {
    words: ['docker', 'buildx', 'build', '--progress', 'plain'],
    environment: { DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: clientConfig },
  };
}

/** Milliseconds that builds of several kinds take. Each begins with a context of its own, so that nothing is known of it. */
export function measureBuilds(command: BuildCommand): Figures {
  const home = mkdtempSync(join(tmpdir(), 'build-bench-'));
  try {
    return new Map([
      ['rebuild of 30 steps, nothing changed', unchanged(command, join(home, 'unchanged'))],
      ['rebuild, one of 50,000 files changed', oneChanged(command, join(home, 'changed'))],
      ['six independent stages', stages(command, join(home, 'stages'))],
      ['copy of 20,000 files', copy(command, join(home, 'copy'))],
      ['first build', first(command, join(home, 'first'))],
    ]);
  } finally {
    rmSync(home, { recursive: true });
  }
}

function unchanged(command: BuildCommand, directory: string): number {
  const steps = Array.from(
    { length: STEPS / 3 },
    (_, step) => `RUN echo ${step} >/made-${step}\nCOPY d0/f${step} /copied-${step}\nENV step=${step}\n`,
  );
  makeContext(directory, `FROM busybox\n${steps.join('')}`, PER_DIRECTORY);
  build(command, directory);
  return timed(RUNS, () => build(command, directory));
}

/** What is copied of the context is the directory with the file. */
function oneChanged(command: BuildCommand, directory: string): number {
  makeContext(directory, 'FROM busybox\nCOPY d0 /source\nRUN cat /source/f0 >/made\n', CONTEXT_FILES);
  build(command, directory);
  let count = 0;
  return timed(RUNS, () => {
    writeFileSync(join(directory, 'd0/f0'), `changed ${count++}`);
    build(command, directory);
  });
}

function stages(command: BuildCommand, directory: string): number {
  const numbers = Array.from({ length: STAGES }, (_, number) => number);
  const made = numbers.map((number) => `FROM busybox AS s${number}\nRUN echo ${number} >/out-${number}\n`);
  const copies = numbers.map((number) => `COPY --from=s${number} /out-${number} /\n`);
  makeContext(directory, [...made, 'FROM busybox\n', ...copies].join(''), 0);
  build(command, directory);
  return timed(RUNS, () => build(command, directory, '--no-cache'));
}

function copy(command: BuildCommand, directory: string): number {
  makeContext(directory, 'FROM busybox\nCOPY . /copied\n', COPIED_FILES);
  build(command, directory);
  return timed(RUNS, () => build(command, directory, '--no-cache'));
}

function first(command: BuildCommand, directory: string): number {
  let count = 0;
  return timed(RUNS, () => {
    const own = `${directory}-${count++}`;
    const text = `FROM busybox\nWORKDIR /app\nCOPY d0 .\nRUN echo ${own} >made\nCOPY . .\nRUN ls | wc -l >count\nCMD ["sh"]\n`;
    makeContext(own, text, FIRST_FILES);
    return () => build(command, own);
  });
}

/** The median; what `work` does before the function that it may return does not count. */
// biome-ignore lint/suspicious/noConfusingVoidType: a function that returns nothing is what most work is
function timed(runs: number, work: () => void | (() => void)): number {
  const times = Array.from({ length: runs }, () => {
    let begin = performance.now();
    const rest = work();
    if (rest !== undefined) {
      begin = performance.now();
      rest();
    }
    return performance.now() - begin;
  });
  return median(times);
}

function makeContext(directory: string, dockerfile: string, files: number): void {
  for (let file = 0; file < files; file++) {
    const parent = join(directory, `d${Math.floor(file / PER_DIRECTORY)}`);
    if (file % PER_DIRECTORY === 0) mkdirSync(parent, { recursive: true });
    writeFileSync(join(parent, `f${file % PER_DIRECTORY}`), `${directory} ${file}\n`.repeat(8));
  }
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'Dockerfile'), dockerfile);
}

function build({ words, environment }: BuildCommand, directory: string, ...options: string[]): void {
  const [program = '', ...args] = [...words, ...options, directory];
  const env = { ...process.env, ...environment };
  const { status, stderr } = spawnSync(program, args, { env, encoding: 'utf8', maxBuffer: 64 << 20 });
  if (status !== 0) throw new Error(`${words.join(' ')} failed: ${stderr}`);
}
