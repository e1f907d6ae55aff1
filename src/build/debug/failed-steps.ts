import { randomBytes } from 'node:crypto';
import type { Context } from '../../base/context.ts';
import { conflict, notFound } from '../../base/errors.ts';
import type { ShellRequest } from '../contract.ts';

/** Milliseconds for which a failed step is kept for somebody who wants a shell in it. */
const PATIENCE = 30_000;

/** Runs a command in a failed step. */
export type StepShell = (context: Context, request: ShellRequest) => Promise<number>;

type Resize = (rows: number, columns: number) => Promise<void>;

interface FailedStep {
  readonly context: Context;
  readonly run: StepShell;
  isTaken: boolean;
  resize: Resize | undefined;
  readonly release: () => void;
}

/** The failed steps of builds that are debugged, each kept until a shell in it has ended, or nobody has wanted one. */
export class FailedSteps {
  readonly #kept = new Map<string, FailedStep>();
  readonly #patience: number;

  constructor(patience = PATIENCE) {
    this.#patience = patience;
  }

  /** Resolves when the step is wanted no more, at the latest when its build is given up. `tell` is given the ID for a shell in it. */
  async keep(context: Context, run: StepShell, tell: (id: string) => void): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const id = randomBytes(16).toString('hex');
    const step: FailedStep = { context, run, isTaken: false, resize: undefined, release: resolve };
    const unwanted = setTimeout(() => {
      if (!step.isTaken) resolve();
    }, this.#patience);
    context.signal.addEventListener('abort', step.release, { once: true });
    if (context.signal.aborted) resolve();
    this.#kept.set(id, step);
    try {
      tell(id);
      await promise;
    } finally {
      this.#kept.delete(id);
      clearTimeout(unwanted);
      context.signal.removeEventListener('abort', step.release);
    }
  }

  async run(context: Context, id: string, request: ShellRequest): Promise<number> {
    const step = this.#kept.get(id);
    if (step === undefined) throw notFound(`no such shell: ${id}`);
    if (step.isTaken) throw conflict(`shell ${id} has already been started`);
    step.isTaken = true;
    const { terminal } = request;
    const onStarted = (resize: Resize): void => {
      step.resize = resize;
      terminal.onStarted?.(resize);
    };
    const signal = AbortSignal.any([context.signal, step.context.signal]);
    try {
      return await step.run({ ...context, signal }, { ...request, terminal: { ...terminal, onStarted } });
    } finally {
      step.release();
    }
  }

  async resize(id: string, rows: number, columns: number): Promise<void> {
    const resize = this.#kept.get(id)?.resize;
    if (resize === undefined) throw notFound(`no such shell: ${id}`);
    await resize(rows, columns);
  }
}
