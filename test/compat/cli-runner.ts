import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { runCommandLine } from '../../src/cli/command-line.ts';
import type { Io } from '../../src/cli/io.ts';
import { makeContexts } from './build-trees.ts';
import { cannedAnswers } from './canned-answers.ts';
import { type CliCase, splitLine } from './cli-cases.ts';
import { makeHelper, takeConfig, writeConfig } from './client-home.ts';
import { type RecordedRequest, startFakeDaemon } from './fake-daemon.ts';
import { makeInput, makeOutput, treeOf } from './file-trees.ts';

/** All that can be seen of one run. */
export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
  readonly requests: readonly RecordedRequest[];
  /** What is in the folder that some cases write to. */
  readonly files?: readonly string[];
  /** The user's `config.json` afterwards, where there was one before. */
  readonly config?: unknown;
  /** What the credential helper was told. */
  readonly kept?: string;
}

type Program = (
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
  stdin: string,
) => Promise<Pick<Outcome, 'stdout' | 'stderr' | 'exitCode'>>;

const sample = 'from the environment';

/** Makes the folder that the cases speak of. The caller removes it. */
export function prepareFolder(dir: string): void {
  mkdirSync(dir, { recursive: true });
  const files = {
    env: '\uFEFF# comment\nA=1\n  B=two words\nSAMPLE\nUNSET_VARIABLE\n\nC=\n',
    badenv: 'A B=1\n',
    emptykey: '=x\n',
    labels: 'from=file\n',
    'seccomp.json': '{\n  "defaultAction": "SCMP_ACT_ALLOW"\n}\n',
    'archive.tar': 'not really a tar',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(`${dir}/${name}`, text);
  makeInput(`${dir}/in`);
  makeContexts(`${dir}/ctx`);
  makeHelper(`${dir}/bin`);
}

export async function runCase(program: Program, one: CliCase, dir: string, socket: string): Promise<Outcome> {
  const daemon = await startFakeDaemon(socket, cannedAnswers());
  const writes = one.line.includes('<dir>/out');
  if (writes) makeOutput(`${dir}/out`);
  if (one.config !== undefined) writeConfig(dir, one.config);
  try {
    const environment = {
      DOCKER_HOST: `unix://${socket}`,
      HOME: dir,
      TZ: 'UTC',
      SAMPLE: sample,
      DOCKER_BUILDKIT: '0',
      PATH: `${dir}/bin:/usr/local/bin:/usr/bin:/bin`,
    };
    const seen = await program(splitLine(one.line, dir), environment, one.stdin ?? '');
    const files = writes ? { files: treeOf(`${dir}/out`) } : {};
    const home = one.config === undefined ? {} : takeConfig(dir);
    return { ...seen, requests: daemon.requests, ...files, ...home };
  } finally {
    await daemon.close();
  }
}

/** The docker command line of this machine. */
export const docker: Program = async (words, environment, stdin) => {
  const child = Bun.spawn(['docker', ...words], {
    env: environment,
    cwd: environment.HOME as string,
    stdin: new TextEncoder().encode(stdin),
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { stdout, stderr, exitCode };
};

/** Sampan's, called docker. */
export const sampan: Program = async (words, environment, stdin) => {
  let stdout = '';
  let stderr = '';
  const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  const io: Io = {
    environment,
    out: (text) => {
      stdout += text;
    },
    err: (text) => {
      stderr += text;
    },
    outBytes: async (bytes) => {
      stdout += decode(bytes);
    },
    errBytes: async (bytes) => {
      stderr += decode(bytes);
    },
    stdinIsTerminal: false,
    stdoutIsTerminal: false,
    terminalSize: () => undefined,
    rawMode: () => () => {},
    async *stdin() {
      if (stdin !== '') yield new TextEncoder().encode(stdin);
    },
    onSignals: () => () => {},
  };
  const before = { directory: process.cwd(), sample: process.env.SAMPLE };
  process.chdir(environment.HOME as string);
  process.env.SAMPLE = sample;
  try {
    const exitCode = await runCommandLine(words, io, {
      programName: 'docker',
      version: '28.2.2',
      commit: 'e6534b4',
    });
    return { stdout, stderr, exitCode };
  } finally {
    process.chdir(before.directory);
    if (before.sample === undefined) delete process.env.SAMPLE;
    else process.env.SAMPLE = before.sample;
  }
};

/** Without what differs from machine to machine. */
export function normalise(outcome: Outcome, one: CliCase, dir: string, socket: string): Outcome {
  const clean = (text: string): string =>
    text
      .replaceAll(dir, '<dir>')
      .replaceAll(socket, '<socket>')
      .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000 UTC/g, '<time>')
      // A slip of docker 28's.
      .replaceAll('\nSRun ', '\nRun ')
      // Docker's classic builder is on its way out, ours is not.
      .replace(/^DEPRECATED: The legacy builder .*\n(?: .*\n)+\n/, '')
      // What it counts is not what it sends, where it adds a file.
      .replaceAll(/(?<=Sending build context to Docker daemon ) *[\d.]+k?B/g, '<size>')
      // Files of no folder have the time and a name of the moment.
      .replaceAll(/\.dockerfile\.[0-9a-f]{20}/g, '.dockerfile.<random>')
      .replaceAll(/(?<=0:0 : )(?!1748606834)\d{10}(?=\.0 )/g, '<now>')
      // What it logs of an archive that it gave up on, or not, as it happens.
      .replace(/^time="[^"]*" level=error msg="Can't .*\n/gm, '');
  const requests: RecordedRequest[] = JSON.parse(clean(JSON.stringify(outcome.requests)));
  for (const { body } of requests) sortEnvironment(body);
  const asked = requests.map((request) => ({ ...request, target: withoutEmpty(request.target) }));
  if (one.unordered) asked.sort((a, b) => (a.target < b.target ? -1 : 1));
  return {
    stdout: clean(outcome.stdout),
    stderr: clean(outcome.stderr),
    exitCode: outcome.exitCode,
    requests: one.ignoreRequests ? [] : asked,
    ...(outcome.files === undefined ? {} : { files: outcome.files }),
    ...(outcome.config === undefined ? {} : { config: outcome.config }),
    ...(outcome.kept === undefined ? {} : { kept: outcome.kept }),
  };
}

/** Docker sends some parameters that say nothing. */
function withoutEmpty(target: string): string {
  return target.replace(/(?<=[?&])[\w-]+=(?:&|$)/g, '').replace(/[?&]$/, '');
}

/** Docker keeps variables in a map, so their order is another each time. */
function sortEnvironment(body: unknown): void {
  if (typeof body === 'object' && body !== null && 'Env' in body && Array.isArray(body.Env)) body.Env.sort();
}

export function removeFolder(dir: string): void {
  rmSync(dir, { recursive: true, force: true });
}
