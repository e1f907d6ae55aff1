import { randomBytes } from 'node:crypto';
import type { Context } from '../base/context.ts';
import { conflict, invalid, messageOf, notFound } from '../base/errors.ts';
import type { Attachment, ExecTask, Exit, Task, TerminalSize } from '../runtime/contract.ts';
import { StartError } from '../runtime/start-error.ts';
import type { ExecConfig } from '../wire/container-config.ts';
import { parseDetachKeys } from '../wire/detach-keys.ts';
import type { Exec, ExecStartOptions, Execs } from './contract.ts';
import { buildExecProcess } from './exec-process.ts';
import { failedAttachment } from './failed-attachment.ts';
import { linkEnvironment } from './lifecycle/links.ts';
import { isRestarting, notRunning } from './lifecycle/state-errors.ts';
import type { Parts } from './parts.ts';
import { type Entry, isRunning } from './record.ts';

/** An ended exec can be inspected this long, and up to twice as long. */
const COLLECTION_INTERVAL = 5 * 60_000;

/** What Docker stores for an exec that failed without a reason of its own. */
const CANNOT_RUN = 126;

interface Live {
  exec: Exec;
  readonly detachKeys: Uint8Array;
  started: boolean;
  task: ExecTask | undefined;
  /** Resolves once `task` is there, or never will be. */
  ready: Promise<void> | undefined;
  /** Seen ended by the last collection. */
  stale: boolean;
}

export interface ExecService extends Execs {
  /** The container has ended: what was not started never will be. */
  endAll(containerId: string): void;
  close(): void;
}

/** Execs are kept in memory only: they are told apart from other processes by whoever asked for them. */
export function createExecs(parts: Parts): ExecService {
  const live = new Map<string, Live>();
  const collector = setInterval(() => collect(parts, live), COLLECTION_INTERVAL);
  collector.unref?.();
  const find = (id: string): Live => {
    const found = live.get(id);
    if (found === undefined) throw notFound(`No such exec instance: ${id}`);
    return found;
  };
  return {
    async create(_context, container, config) {
      const entry = activeEntry(parts.registry.get(container), container);
      const created = createExec(entry, config);
      live.set(created.exec.id, created);
      listExecs(entry, [...entry.container.execIds, created.exec.id]);
      publish(parts, entry, created.exec, 'exec_create');
      return created.exec.id;
    },
    get: (id) => find(id).exec,
    start: (context, id, options) => startExec(parts, context, find(id), options),
    async resize(context, id, size) {
      const found = find(id);
      if (!found.started) throw invalid('exec process is not started');
      await found.ready;
      await found.task?.resize(context, size);
    },
    endAll(containerId) {
      for (const found of live.values()) {
        if (found.exec.containerId !== containerId || found.started) continue;
        live.delete(found.exec.id);
        const entry = parts.registry.find(containerId);
        if (entry !== undefined) unlistExec(entry, found.exec.id);
      }
    },
    close: () => clearInterval(collector),
  };
}

function createExec(entry: Entry, config: ExecConfig): Live {
  if (!config.Cmd?.length) throw invalid('No exec command specified');
  if ([...config.Cmd, ...(config.Env ?? [])].some((word) => word.includes('\0'))) {
    throw invalid('invalid exec: command and environment cannot hold zero bytes');
  }
  const exec: Exec = {
    id: randomBytes(32).toString('hex'),
    containerId: entry.id,
    config,
    running: false,
    exitCode: null,
    pid: 0,
  };
  return {
    exec,
    detachKeys: parseDetachKeys(config.DetachKeys),
    started: false,
    task: undefined,
    ready: undefined,
    stale: false,
  };
}

/** Fails in Docker's words for a container in which nothing can be started. */
function activeEntry(entry: Entry, reference: string): Entry {
  if (!isRunning(entry)) throw notRunning(entry.id);
  if (entry.container.state.status === 'paused') {
    throw conflict(`Container ${reference} is paused, unpause the container before exec`);
  }
  if (entry.task === undefined) throw isRestarting(entry.id);
  return entry;
}

async function startExec(
  parts: Parts,
  context: Context,
  found: Live,
  options: ExecStartOptions,
): Promise<Attachment | undefined> {
  const { id, containerId } = found.exec;
  const container = parts.registry.find(containerId);
  if (container === undefined) throw notFound(`No such container: ${id}`);
  const entry = activeEntry(container, containerId);
  if (found.exec.exitCode !== null) throw conflict(`exec command ${id} has already run`);
  if (found.started) throw conflict(`exec command ${id} is already running`);
  const { task } = entry;
  if (task === undefined) throw isRestarting(entry.id);
  found.started = true;
  found.exec = { ...found.exec, running: true };
  publish(parts, entry, found.exec, 'exec_start');
  const starting = execIn(parts, task, entry, found, options);
  found.ready = starting.then(
    () => {},
    () => {},
  );
  try {
    found.task = await starting;
  } catch (error) {
    return failed(found, entry, options, error);
  }
  found.exec = { ...found.exec, pid: found.task.pid };
  const over = watchExec(parts, entry, found, found.task);
  const { attachment } = found.task;
  if (options.detach || attachment === undefined) return undefined;
  watchDetach(parts, entry, found.exec, attachment);
  context.signal.throwIfAborted();
  return endingAfter(attachment, over);
}

function execIn(
  parts: Parts,
  task: Task,
  entry: Entry,
  { exec, detachKeys }: Live,
  options: ExecStartOptions,
): Promise<ExecTask> {
  const { config } = exec;
  return task.exec(parts.background, {
    id: exec.id,
    process: buildExecProcess(entry.container, config, parts.defaults, linkEnvironment(parts, entry)),
    streams: {
      terminal: config.Tty,
      stdin: config.AttachStdin,
      stdinOnce: true,
      size: startSize(config, options),
    },
    attach: options.detach
      ? undefined
      : {
          stdin: config.AttachStdin,
          stdout: config.AttachStdout,
          stderr: config.AttachStderr,
          detachKeys: detachKeys,
        },
  });
}

function startSize(config: ExecConfig, { size }: ExecStartOptions): TerminalSize {
  if (size.rows !== 0 || size.columns !== 0) return size;
  return { rows: config.ConsoleSize?.[0] ?? 0, columns: config.ConsoleSize?.[1] ?? 0 };
}

/** As Docker does: who is attached reads the reason, who is not gets the error. */
function failed(found: Live, entry: Entry, options: ExecStartOptions, error: unknown): Attachment {
  const exitCode = error instanceof StartError && error.exitCode !== 128 ? error.exitCode : CANNOT_RUN;
  found.exec = { ...found.exec, running: false, exitCode };
  unlistExec(entry, found.exec.id);
  if (options.detach || !(error instanceof StartError)) throw error;
  return failedAttachment(`${messageOf(error)}\r\n`);
}

/** Resolves once the exit code can be asked for. */
function watchExec(parts: Parts, entry: Entry, found: Live, task: ExecTask): Promise<void> {
  const ended = ({ code }: Pick<Exit, 'code'>): void => {
    found.exec = { ...found.exec, running: false, exitCode: code };
    unlistExec(entry, found.exec.id);
    parts.events.container(entry.container, 'exec_die', { execID: found.exec.id, exitCode: String(code) });
  };
  return task.exited.then(ended, (error) => {
    if (parts.phase() === 'closed') return;
    parts.log.warn('lost an exec', { exec: found.exec.id, error });
    ended({ code: 137 });
  });
}

/** The same streams, which end only when `over` has: clients ask for the exit code as soon as they see the end. */
function endingAfter(attachment: Attachment, over: Promise<void>): Attachment {
  async function* frames(): AsyncGenerator<Uint8Array> {
    yield* attachment.frames;
    if (!(await attachment.detached)) await over;
  }
  return {
    frames: frames(),
    detached: attachment.detached,
    write: (chunk) => attachment.write(chunk),
    end: () => attachment.end(),
    [Symbol.asyncDispose]: () => attachment[Symbol.asyncDispose](),
  };
}

function watchDetach(parts: Parts, entry: Entry, exec: Exec, attachment: Attachment): void {
  attachment.detached
    .then((detached) => {
      if (detached) parts.events.container(entry.container, 'exec_detach', { execID: exec.id });
    })
    .catch(() => {});
}

function publish(parts: Parts, entry: Entry, exec: Exec, action: string): void {
  const [program = '', ...args] = exec.config.Cmd ?? [];
  parts.events.container(entry.container, `${action}: ${program} ${args.join(' ')}`, { execID: exec.id });
}

/** Not written down: execs end with the daemon's memory of them. */
function listExecs(entry: Entry, execIds: readonly string[]): void {
  entry.container = { ...entry.container, execIds };
}

function unlistExec(entry: Entry, id: string): void {
  listExecs(
    entry,
    entry.container.execIds.filter((execId) => execId !== id),
  );
}

function collect(parts: Parts, live: Map<string, Live>): void {
  for (const [id, found] of live) {
    const over = found.exec.exitCode !== null || !parts.registry.has(found.exec.containerId);
    if (over && found.stale) live.delete(id);
    found.stale = over;
  }
}
