import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { Context } from '../base/context.ts';
import { isErrno } from '../base/errno.ts';
import { isCode, SampanError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Follower, Following, Launcher, PlanResults } from '../plan/contract.ts';
import type { Plan } from '../plan/operations.ts';
import { type FinishedPlan, follow, runToEnd } from './plan-connection.ts';

export interface LauncherOptions {
  /** Path of `sampan-launcher`. */
  readonly binary: string;
  /** Where it is to listen: at most 107 bytes. */
  readonly socket: string;
  readonly log: Logger;
}

/** The resident launcher. Disposing ends it; supervisors that it started stay. */
export interface LauncherProcess extends Launcher, Follower, AsyncDisposable {
  readonly socket: string;
  /** As `run`, and tells how the plan's process ended. */
  runToEnd(context: Context, plan: Partial<Plan>): Promise<FinishedPlan>;
  /** Starts the launcher again if it has ended. To be awaited before its socket is used directly. */
  ready(): Promise<void>;
}

/** Starts the resident launcher and waits until it listens. Fails with `unavailable`, in the launcher's words. */
export async function openLauncher(options: LauncherOptions): Promise<LauncherProcess> {
  const launcher = new ResidentLauncher(options);
  await launcher.ready();
  return launcher;
}

class ResidentLauncher implements LauncherProcess {
  readonly #options: LauncherOptions;
  #process: Promise<ChildProcess> | undefined;
  #disposed = false;

  constructor(options: LauncherOptions) {
    this.#options = options;
  }

  get socket(): string {
    return this.#options.socket;
  }

  async run(context: Context, plan: Partial<Plan>): Promise<PlanResults> {
    return (await this.runToEnd(context, plan)).results;
  }

  async runToEnd(context: Context, plan: Partial<Plan>): Promise<FinishedPlan> {
    const used = this.#started();
    await used;
    try {
      return await runToEnd(context, this.socket, plan);
    } catch (error) {
      if (!neverRead(error)) throw error;
    }
    // It died, and its exit was not noticed yet.
    this.#forget(used);
    await this.ready();
    return runToEnd(context, this.socket, plan);
  }

  async follow(
    context: Context,
    plan: Partial<Plan>,
    result: (bytes: Uint8Array) => void,
  ): Promise<Following> {
    await this.ready();
    return follow(context, this.socket, plan, result);
  }

  async ready(): Promise<void> {
    await this.#started();
  }

  #started(): Promise<ChildProcess> {
    if (this.#disposed) throw new SampanError('unavailable', 'the launcher was shut down');
    this.#process ??= this.#start();
    return this.#process;
  }

  #start(): Promise<ChildProcess> {
    const { binary, socket, log } = this.#options;
    const child = spawn(binary, ['serve', socket], { stdio: ['pipe', 'pipe', 'pipe'] });
    const started = listening(child, binary).then(() => {
      child.stderr?.on('data', (text: Buffer) => log.warn('launcher', { output: text.toString().trimEnd() }));
      return child;
    });
    started.catch(() => this.#forget(started));
    child.once('exit', (code, signal) => {
      this.#forget(started);
      if (!this.#disposed) log.warn('the launcher has ended', { code, signal });
    });
    return started;
  }

  /** The next plan starts another, unless that has happened already. */
  #forget(process: Promise<ChildProcess>): void {
    if (this.#process === process) this.#process = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    const child = await this.#process?.catch(ignoreFailedStart);
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'exit');
      child.stdin?.end();
      await gone;
    }
    await rm(this.#options.socket, { force: true });
  }
}

/**
 * Whether a plan failed before anything of it was done. A launcher that dies before it has read the whole of it resets the connection; one that
 * dies later ends it.
 */
function neverRead(error: unknown): boolean {
  if (!isCode(error, 'unavailable') || !(error instanceof Error)) return false;
  return isErrno(error.cause, 'ECONNREFUSED', 'ENOENT', 'ECONNRESET', 'EPIPE');
}

function ignoreFailedStart(error: unknown): undefined {
  if (!isCode(error, 'unavailable')) throw error;
}

/** Resolves when the launcher has said that it listens. */
async function listening(child: ChildProcess, binary: string): Promise<void> {
  const failed = new Promise<never>((_resolve, reject) => {
    const refuse = (why: string): void =>
      reject(new SampanError('unavailable', `the launcher ${binary} did not start: ${why}`));
    child.once('error', (error) => refuse(error.message));
    child.once('exit', (code, signal) => {
      const words = (child.stderr as Readable | null)?.read() as Buffer | null;
      refuse(words === null ? `it ended with ${signal ?? code}` : words.toString().trim());
    });
  });
  failed.catch(() => {});
  await Promise.race([child.stdout === null ? failed : once(child.stdout, 'data'), failed]);
}
