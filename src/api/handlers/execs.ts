import { conflict, invalid, messageOf } from '../../base/errors.ts';
import type { Exec } from '../../containers/contract.ts';
import type { TerminalSize } from '../../runtime/contract.ts';
import type { ExecInspect } from '../../wire/container-types.ts';
import { parseDetachKeys } from '../../wire/detach-keys.ts';
import { type ApiVersion, differs } from '../../wire/versions.ts';
import type { Call, HandlersOf } from '../call.ts';
import { pump } from '../streams/pump.ts';
import { RAW_STREAM, streamType } from './container-streams.ts';
import { terminalSize } from './terminal-size.ts';

export const execHandlers: HandlersOf<'execCreate' | 'execStart' | 'execInspect' | 'execResize'> = {
  async execCreate({ engine, context, name, body, version }) {
    if ((body.Cmd ?? []).length === 0) throw invalid('No exec command specified');
    const config = { ...body };
    if (!differs(version, 'execConsoleSize')) delete config.ConsoleSize;
    return { Id: await engine.containers.execs.create(context, name, config) };
  },

  async execStart(call) {
    const { engine, context, name, body, response } = call;
    const exec = engine.containers.execs.get(name);
    const size = initialSize(call.body, call.version);
    if (body.Detach) {
      refuseSecondStart(exec);
      await engine.containers.execs.start(context, name, { detach: true, terminal: body.Tty, size });
      await response.send(200);
      return;
    }
    await startAttached(call, exec, size);
  },

  execInspect: ({ engine, name }) => renderExec(engine.containers.execs.get(name)),

  async execResize({ engine, context, name, query }) {
    await engine.containers.execs.resize(context, name, terminalSize(query));
  },
};

function refuseSecondStart({ id, running, exitCode }: Exec): void {
  if (running) throw conflict(`exec command ${id} is already running`);
  if (exitCode !== null) throw conflict(`exec command ${id} has already run`);
}

function initialSize({ ConsoleSize, Tty }: Call<'execStart'>['body'], version: ApiVersion): TerminalSize {
  const [rows = 0, columns = 0] = (Tty && differs(version, 'execConsoleSize') && ConsoleSize) || [];
  return { rows: Math.max(rows, 0), columns: Math.max(columns, 0) };
}

/**
 * The head goes out first, so that the first output cannot come together with it; what fails after it is told in the stream. So is a second
 * start: `docker compose watch` starts what it has started, and must not fail.
 */
async function startAttached(call: Call<'execStart'>, exec: Exec, size: TerminalSize): Promise<void> {
  const { engine, context, body, version, request, response } = call;
  const upgrade = request.headers.has('upgrade');
  const type = upgrade ? streamType(body.Tty, version) : RAW_STREAM;
  const connection = response.hijack({ 'Content-Type': type }, upgrade ? 'tcp' : undefined);
  try {
    refuseSecondStart(exec);
    const attachment = await engine.containers.execs.start(context, exec.id, {
      detach: false,
      terminal: body.Tty,
      size,
    });
    if (attachment !== undefined) {
      // The process took its time to start since the head was written.
      await pump(connection, attachment, { stdin: exec.config.AttachStdin, raw: body.Tty, headStart: 0 });
    }
  } catch (error) {
    connection.write(Buffer.from(`${messageOf(error)}\r\n`))?.catch(() => {});
  } finally {
    connection.finish();
  }
}

function renderExec({ id, containerId, config, running, exitCode, pid }: Exec): ExecInspect {
  const [entrypoint = '', ...rest] = config.Cmd ?? [];
  const detachKeys = config.DetachKeys === '' ? new Uint8Array() : parseDetachKeys(config.DetachKeys);
  return {
    ID: id,
    Running: running,
    ExitCode: exitCode,
    ProcessConfig: {
      tty: config.Tty,
      entrypoint,
      arguments: rest,
      privileged: config.Privileged,
      ...(config.User === '' ? {} : { user: config.User }),
    },
    OpenStdin: config.AttachStdin,
    OpenStderr: config.AttachStderr,
    OpenStdout: config.AttachStdout,
    CanRemove: !running && exitCode !== null,
    ContainerID: containerId,
    DetachKeys: Buffer.from(detachKeys).toString('base64'),
    Pid: pid,
  };
}
