import { randomBytes } from 'node:crypto';
import { messageOf } from '../../base/errors.ts';
import type { ExecTask, Task } from '../../runtime/contract.ts';
import { formatTime } from '../../wire/times.ts';
import type { HealthResult } from '../contract.ts';
import { buildExecProcess } from '../exec-process.ts';
import type { Parts } from '../parts.ts';
import type { Entry } from '../record.ts';
import { collectOutput } from './output.ts';
import type { HealthSettings } from './settings.ts';

/** What a check has for an exit code when it could not run or took too long. */
const NO_EXIT = -1;
const SIGKILL = 9;

type Outcome = Pick<HealthResult, 'exitCode' | 'output'>;

/** Runs a check once. Never fails: that it could not run is a result. */
export async function probe(
  parts: Parts,
  entry: Entry,
  task: Task,
  settings: HealthSettings,
): Promise<HealthResult> {
  const start = formatTime(new Date());
  const outcome = await outcomeOf(parts, entry, task, settings).catch(
    (error): Outcome => ({ exitCode: NO_EXIT, output: messageOf(error) }),
  );
  return { start, end: formatTime(new Date()), ...outcome };
}

async function outcomeOf(parts: Parts, entry: Entry, task: Task, settings: HealthSettings): Promise<Outcome> {
  const id = randomBytes(32).toString('hex');
  const say = (action: string, more: Readonly<Record<string, string>> = {}): void =>
    parts.events.container(entry.container, action, { execID: id, ...more });
  const command = settings.command.join(' ');
  say(`exec_create: ${command}`);
  say(`exec_start: ${command}`);
  const exec = await startCheck(parts, entry, task, id, settings);
  const outcome = await finish(parts, exec, settings.timeout);
  say('exec_die', { exitCode: String(outcome.exitCode) });
  return outcome;
}

function startCheck(
  parts: Parts,
  { container }: Entry,
  task: Task,
  id: string,
  { command }: HealthSettings,
): Promise<ExecTask> {
  const request = {
    ...{ AttachStdin: false, AttachStdout: true, AttachStderr: true, Tty: false, Privileged: false },
    ...{ Cmd: [...command], Env: [], User: '', WorkingDir: '', DetachKeys: '' },
  };
  return task.exec(parts.background, {
    id,
    process: buildExecProcess(container, request, parts.defaults),
    streams: { terminal: false, stdin: false, stdinOnce: true, size: { rows: 0, columns: 0 } },
    attach: { stdin: false, stdout: true, stderr: true, detachKeys: new Uint8Array(0) },
  });
}

async function finish(parts: Parts, exec: ExecTask, timeout: number): Promise<Outcome> {
  const output = collectOutput(exec.attachment?.frames);
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), timeout);
  try {
    const exit = await Promise.race([exec.exited, late.promise]);
    if (exit !== undefined) {
      // A process that it left behind may hold the output open.
      await Promise.race([output.ended, late.promise]);
      return { exitCode: exit.code, output: output.text() };
    }
    await exec.signal(parts.background, SIGKILL);
    const said = output.text();
    const text = `Health check exceeded timeout (${timeout / 1_000}s)`;
    return { exitCode: NO_EXIT, output: said === '' ? text : `${text}: ${said}` };
  } finally {
    clearTimeout(timer);
    await exec.attachment?.[Symbol.asyncDispose]();
  }
}
