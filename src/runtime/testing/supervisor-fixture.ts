import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { background } from '../../base/context.ts';
import { silentLogger } from '../../base/log.ts';
import { O_DIRECTORY, O_PATH } from '../../plan/constants.ts';
import { HOST, type Operation, type Plan } from '../../plan/operations.ts';
import type { Attachment, AttachOptions } from '../contract.ts';
import { type LauncherProcess, openLauncher } from '../launcher.ts';
import { type StartedContainer, type Supervisor, startSupervised } from '../supervisor.ts';

/** For tests: programs of the host run under real supervisors, in a directory of their own. */
export interface SupervisorFixture extends AsyncDisposable {
  readonly directory: string;
  readonly launcher: LauncherProcess;
  /** Path of a file that belongs to a container. */
  file(name: string, kind: 'socket' | 'state' | 'log'): string;
  start(name: string, options: ProgramOptions): Promise<StartedContainer>;
}

export interface ProgramOptions {
  readonly argv: readonly string[];
  readonly terminal?: boolean;
  readonly stdin?: boolean;
  readonly stdinOnce?: boolean;
  /** CLONE_* of its new namespaces. */
  readonly namespaces?: number;
  readonly log?: { readonly maxSize: number; readonly maxFiles: number; readonly compress: boolean };
  /** Steps before all others. */
  readonly before?: readonly Operation[];
  readonly parent?: readonly Operation[];
  readonly after?: readonly Operation[];
  readonly attach?: readonly AttachOptions[];
}

export const context = background();

export const allStreams: AttachOptions = {
  stdin: true,
  stdout: true,
  stderr: true,
  detachKeys: new Uint8Array(0),
};

const environment = ['PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', 'LC_ALL=C'];

/** SAMPAN_LAUNCHER names another launcher than the one that is built here, such as the one with sanitizers. */
function launcherBinary(): string {
  const other = process.env['SAMPAN_LAUNCHER'];
  if (other !== undefined) return resolve(other);
  const made = Bun.spawnSync(['sh', join(import.meta.dir, '../../../scripts/build-native.sh')]);
  if (made.exitCode !== 0) throw new Error(made.stderr.toString());
  return join(import.meta.dir, '../../../build/sampan-launcher');
}

export async function openSupervisorFixture(): Promise<SupervisorFixture> {
  const binary = launcherBinary();
  const directory = await mkdtemp(join(tmpdir(), 'sampan-supervisor-'));
  const launcher = await openLauncher({ binary, socket: join(directory, 'launcher'), log: silentLogger });
  const started: Supervisor[] = [];
  const file: SupervisorFixture['file'] = (name, kind) => join(directory, `${name}.${kind}`);
  return {
    directory,
    launcher,
    file,
    async start(name, options) {
      const container = await startSupervised(context, {
        launcher: launcher.socket,
        plan: programPlan(file, name, options),
        socket: file(name, 'socket'),
        attach: options.attach ?? [],
      });
      started.push(container.supervisor);
      return container;
    },
    async [Symbol.asyncDispose]() {
      for (const supervisor of started) {
        await supervisor.signal(context, 9).catch(() => {});
        await supervisor.exited.catch(() => {});
      }
      await launcher[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    },
  };
}

function programPlan(file: SupervisorFixture['file'], name: string, options: ProgramOptions): Plan {
  const log = options.log ?? { maxSize: 0, maxFiles: 1, compress: false };
  return {
    before: [
      ...(options.before ?? []),
      { op: 'supervise', socket: file(name, 'socket'), stateFile: file(name, 'state') },
      {
        op: 'logFile',
        path: file(name, 'log'),
        maxSize: log.maxSize,
        maxFiles: log.maxFiles,
        attributes: '',
        compress: Number(log.compress),
      },
      ...processSteps(options),
    ],
    parent: options.parent ?? [],
    child: programSteps(options),
    after: options.after ?? [],
  };
}

/** A plan that runs a further program, in the namespaces that its supervisor is in. */
export function execPlan(options: ProgramOptions): Partial<Plan> {
  return { before: processSteps(options), child: programSteps(options) };
}

function processSteps(options: ProgramOptions): Operation[] {
  return [
    {
      op: 'streams',
      terminal: Number(options.terminal ?? false),
      stdin: Number(options.stdin ?? false),
      stdinOnce: Number(options.stdinOnce ?? false),
    },
    { op: 'clone', flags: options.namespaces ?? 0, cgroup: -1 },
  ];
}

function programSteps(options: ProgramOptions): Operation[] {
  const terminal: Operation[] = [
    { op: 'open', slot: 0, dir: HOST, path: '/', flags: O_PATH | O_DIRECTORY, mode: 0, resolve: 0 },
    { op: 'terminal', root: 0, console: 0, rows: 0, columns: 0 },
  ];
  return [
    ...(options.terminal === true ? terminal : []),
    { op: 'exec', argv: options.argv, env: environment },
  ];
}

/** Everything that an attachment brings, by stream. */
export async function collect(
  attachment: Attachment | undefined,
): Promise<{ stdout: string; stderr: string }> {
  if (attachment === undefined) throw new Error('there is no attachment');
  const chunks: Uint8Array[] = [];
  for await (const chunk of attachment.frames) chunks.push(chunk);
  return demultiplex(Buffer.concat(chunks));
}

/** Splits Docker's multiplexed stream. */
function demultiplex(bytes: Buffer): { stdout: string; stderr: string } {
  const texts = ['', '', ''];
  for (let offset = 0; offset < bytes.length; ) {
    const stream = bytes.readUInt8(offset);
    const end = offset + 8 + bytes.readUInt32BE(offset + 4);
    texts[stream] += bytes.toString('utf8', offset + 8, end);
    offset = end;
  }
  return { stdout: texts[1] ?? '', stderr: texts[2] ?? '' };
}

/** Reads an attachment until its output so far holds `text`; returns that output. */
export async function readUntil(attachment: Attachment, text: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  const iterator = attachment.frames[Symbol.asyncIterator]();
  for (;;) {
    const { value, done } = await iterator.next();
    if (done === true) throw new Error(`the output ended without ${JSON.stringify(text)}`);
    chunks.push(value);
    const { stdout, stderr } = demultiplex(Buffer.concat(chunks));
    if (stdout.includes(text) || stderr.includes(text)) return stdout + stderr;
  }
}

export interface LogRecord {
  readonly log: string;
  readonly stream: string;
  readonly time: string;
}

export async function readLog(path: string): Promise<readonly LogRecord[]> {
  const text = await Bun.file(path).text();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LogRecord);
}
