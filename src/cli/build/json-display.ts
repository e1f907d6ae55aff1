import type { BuildEvent } from '../../wire/build-messages.ts';
import type { BuildDisplay } from './display.ts';
import { BuildTrace, type Step } from './trace.ts';

/** Progress as JSON, one object a line, with the keys of BuildKit's `SolveStatus`. */
export class JsonDisplay implements BuildDisplay {
  readonly trace = new BuildTrace();
  readonly keepsOutput = true;
  readonly #print: (text: string) => void;
  readonly #inputs = new Map<string, readonly string[]>();

  constructor(print: (text: string) => void) {
    this.#print = print;
  }

  apply(event: BuildEvent): void {
    this.trace.apply(event);
    const { vertex, started, output, transfer, done, warning } = event;
    if (vertex !== undefined) this.#inputs.set(vertex.digest, vertex.inputs ?? []);
    const digest = (vertex ?? started ?? done)?.digest;
    if (digest !== undefined) this.#write({ vertexes: [this.#vertex(digest)] });
    if (output !== undefined) {
      const { data, stream, time } = output;
      this.#write({ logs: [{ vertex: output.digest, stream, data, timestamp: timeText(time) }] });
    }
    if (transfer !== undefined) this.#write({ statuses: [this.#status(transfer)] });
    if (warning !== undefined) {
      const short = Buffer.from(`${warning.rule}: ${warning.detail}`).toString('base64');
      this.#write({ warnings: [{ level: 1, short, url: warning.url }] });
    }
  }

  pause(): void {}
  redraw(): void {}
  lend(): () => void {
    return () => {};
  }
  close(): void {}

  #vertex(digest: string): object {
    const step: Partial<Step> = this.trace.steps.get(digest) ?? {};
    const { name, started, done, cached, error } = step;
    return {
      digest,
      inputs: this.#inputs.get(digest),
      name,
      started: started && timeText(started),
      completed: done && timeText(done),
      cached: cached || undefined,
      error,
    };
  }

  #status({ digest, id, current, total, time }: NonNullable<BuildEvent['transfer']>): object {
    const transfer = this.trace.steps.get(digest)?.transfers.get(id);
    return {
      id,
      vertex: digest,
      total: total || undefined,
      current,
      timestamp: timeText(time),
      started: timeText(transfer?.started ?? time),
      completed: transfer?.isDone ? timeText(time) : undefined,
    };
  }

  #write(status: object): void {
    this.#print(`${JSON.stringify(status)}\n`);
  }
}

function timeText(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
