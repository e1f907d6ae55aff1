import { describe, expect, test } from 'bun:test';
import type { BuildListener, TranscriptEvent } from '../../build/contract.ts';
import { BuildError } from '../../build/errors.ts';
import { digestOf } from '../../oci/digest.ts';
import type { ProgressMessage } from '../../wire/messages.ts';
import { BuildTranscript, type TranscriptOptions } from './build-transcript.ts';

const [a, b] = [digestOf('a'), digestOf('b')];
const platform = { os: 'linux', architecture: 'amd64' };

class Told {
  readonly messages: ProgressMessage[] = [];
  readonly transcript: BuildTranscript;
  readonly listener: BuildListener;

  constructor(options: Partial<TranscriptOptions> = {}) {
    const all = { quiet: false, removes: true, ...options };
    this.transcript = new BuildTranscript(all, (message) => this.messages.push(message));
    this.listener = this.transcript.listener;
  }

  tell(...events: TranscriptEvent[]): void {
    for (const event of events) this.listener.onTranscript?.(event);
  }

  output(vertex: typeof a, text: string | Uint8Array, stream: 'stdout' | 'stderr' = 'stdout'): void {
    this.listener.onOutput?.(vertex, stream, Buffer.from(text));
  }

  /** Lines, containers' names as "C". */
  get lines(): string[] {
    return this.messages.map(({ stream = '' }) =>
      stream.replace(/(Running in|container) [0-9a-f]{12}\n$/, '$1 C\n'),
    );
  }
}

const instruction = (number: number, text: string): TranscriptEvent => ({
  type: 'instruction',
  number,
  total: 3,
  text,
});

describe('the transcript of a build', () => {
  test('has steps in the order of the file, whatever ran first', () => {
    const told = new Told();
    told.listener.onMake?.(b);
    told.output(b, 'from b\n');
    told.tell(instruction(1, 'FROM x'), { type: 'image', id: a }, instruction(2, 'RUN a'));
    told.tell({ type: 'step', vertex: a, runs: true });
    told.listener.onMake?.(a);
    told.output(b, 'more\n');
    told.output(a, 'from a\n');
    told.tell({ type: 'step-done', cached: false }, { type: 'image', id: b });
    told.tell(instruction(3, 'RUN b'), { type: 'step', vertex: b, runs: true });
    told.output(b, 'last\n', 'stderr');
    told.tell(
      { type: 'step-done', cached: false },
      { type: 'image', id: undefined },
      { type: 'stage', id: b },
    );
    expect(told.lines).toEqual([
      ...['Step 1/3 : FROM x\n', ` ---> ${a.slice(7, 19)}\n`, 'Step 2/3 : RUN a\n', ' ---> Running in C\n'],
      ...['from a\n', ' ---> Removed intermediate container C\n', ` ---> ${b.slice(7, 19)}\n`],
      ...['Step 3/3 : RUN b\n', ' ---> Running in C\n', 'from b\n', 'more\n', '\u001b[91mlast\n\u001b[0m'],
      ...[' ---> Removed intermediate container C\n', ' ---> \n', ''],
    ]);
    expect(told.messages.at(-1)).toEqual({ aux: { ID: b } });
  });

  test('names a container where the classic builder has one, and no other', () => {
    const told = new Told({ removes: false });
    told.tell({ type: 'triggers', count: 1 }, { type: 'triggers', count: 2 });
    told.tell({ type: 'step', vertex: undefined, runs: true }, { type: 'step-done', cached: false });
    told.tell({ type: 'step', vertex: a, runs: false });
    told.listener.onMake?.(a);
    told.tell({ type: 'step-done', cached: false });
    told.tell({ type: 'step', vertex: b, runs: true }, { type: 'step-done', cached: true });
    told.tell({ type: 'unused', args: ['A', 'B'] });
    expect(told.lines).toEqual([
      ...['# Executing 1 build trigger\n', '# Executing 2 build triggers\n', ' ---> Running in C\n'],
      ...[' ---> Using cache\n', '[Warning] One or more build-args [A B] were not consumed\n'],
    ]);
  });

  test('does not tear characters apart', () => {
    const told = new Told();
    told.tell({ type: 'step', vertex: a, runs: true });
    const bytes = Buffer.from('für');
    told.output(a, bytes.subarray(0, 2));
    told.output(a, bytes.subarray(2));
    expect(told.lines).toEqual(['f', 'ür']);
  });

  test('ends with the image and its names', () => {
    const told = new Told();
    told.transcript.finish({ images: [{ platform, id: a, isNew: true }], warnings: [] }, ['x:1', 'y:2']);
    expect(told.lines).toEqual([
      ...[`Successfully built ${a.slice(7, 19)}\n`, 'Successfully tagged x:1\n', 'Successfully tagged y:2\n'],
    ]);
  });

  test('of a quiet build is the ID, or everything when it fails', () => {
    const fine = new Told({ quiet: true });
    fine.tell(instruction(1, 'FROM x'));
    fine.transcript.finish({ images: [{ platform, id: a, isNew: true }], warnings: [] }, ['x:1']);
    expect(fine.messages).toEqual([{ stream: `${a}\n` }]);
    const failed = new Told({ quiet: true });
    failed.tell(instruction(1, 'FROM x'));
    expect(failed.transcript.fail(new Error('broken'), false)).toBe(true);
    expect(failed.messages).toEqual([
      { stream: 'Step 1/3 : FROM x\n' },
      { errorDetail: { message: 'broken' }, error: 'broken' },
    ]);
  });

  test('leaves a failure to the status while nothing has been told', () => {
    const told = new Told();
    expect(told.transcript.fail(new Error('broken'), false)).toBe(false);
    expect(told.messages).toEqual([]);
  });

  test('tells a failed step, and that its container goes if it is to', () => {
    const told = new Told();
    told.tell({ type: 'step', vertex: a, runs: true });
    told.listener.onMake?.(a);
    const error = new BuildError(new Error('why'), { vertex: a, lines: undefined, excerpt: '' });
    expect(told.transcript.fail(error, true)).toBe(true);
    expect(told.lines).toEqual([' ---> Running in C\n', ' ---> Removed intermediate container C\n', '']);
    expect(told.messages.at(-1)).toEqual({ errorDetail: { message: 'why' }, error: 'why' });
  });

  test('shows how base images come', () => {
    const told = new Told();
    const reference = 'busybox:1.36';
    const progress = { layer: a, step: 'unpacked', current: 0, total: 0 } as const;
    told.listener.onPull?.({ type: 'found', reference });
    told.listener.onPull?.({ type: 'layer', reference, progress });
    told.listener.onPull?.({ type: 'done', reference, digest: b, isNew: true });
    expect(told.messages).toEqual([
      { status: 'Pulling from library/busybox', id: '1.36' },
      { status: 'Pull complete', progressDetail: {}, id: a.slice(7, 19) },
      { status: `Digest: ${b}` },
      { status: 'Status: Downloaded newer image for busybox:1.36' },
    ]);
  });
});
