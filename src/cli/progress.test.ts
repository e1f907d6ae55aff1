import { describe, expect, test } from 'bun:test';
import type { Io } from './io.ts';
import { progressOutput, showProgress } from './progress.ts';

/** Streams that are a terminal where a size is given. */
function surroundings(size?: { rows: number; columns: number }) {
  const seen = { out: '', err: '' };
  const handlers = new Map<string, () => void>();
  const io = {
    out: (text: string) => {
      seen.out += text;
    },
    err: (text: string) => {
      seen.err += text;
    },
    terminalSize: () => size,
    onSignals(names: readonly string[], handler: () => void) {
      for (const name of names) handlers.set(name, handler);
      return () => {
        for (const name of names) handlers.delete(name);
      };
    },
  } as unknown as Io;
  return { io, seen, handlers };
}

async function* stream(...messages: readonly object[]): AsyncGenerator<Uint8Array> {
  for (const message of messages) yield new TextEncoder().encode(`${JSON.stringify(message)}\r\n`);
}

const pull = [
  { status: 'Pulling from library/x', id: 'latest' },
  { status: 'Pulling fs layer', progressDetail: {}, id: 'a' },
  { status: 'Downloading', progressDetail: { current: 5, total: 10 }, progress: '[=> ]', id: 'a' },
  { status: 'Pull complete', progressDetail: {}, id: 'a' },
  { aux: { Digest: 'd' } },
  { status: 'Status: Downloaded' },
];

describe('progress', () => {
  test('is a line for each change of state where nothing can be redrawn', async () => {
    const { io, seen } = surroundings();
    await showProgress(stream(...pull), progressOutput(io, 'err'));
    expect(seen).toEqual({
      out: '',
      err: 'latest: Pulling from library/x\na: Pulling fs layer\na: Pull complete\nStatus: Downloaded\n',
    });
  });

  test('gives to its caller what is not for eyes', async () => {
    const { io } = surroundings();
    const aux: unknown[] = [];
    await showProgress(stream(...pull), progressOutput(io, 'none'), (one) => aux.push(one));
    expect(aux).toEqual([{ Digest: 'd' }]);
  });

  test('ends on a terminal with the last state of each line', async () => {
    const { io, seen, handlers } = surroundings({ rows: 24, columns: 80 });
    await showProgress(stream(...pull), progressOutput(io, 'out'));
    expect(seen.out).toStartWith('latest: Pulling from library/x\n');
    expect(seen.out).toContain('a: Pull complete');
    expect(seen.out).toEndWith('Status: Downloaded\n');
    expect(handlers.size).toBe(0);
  });

  test('throws what the daemon reports in the stream', async () => {
    const { io } = surroundings({ rows: 24, columns: 80 });
    const failing = stream({ status: 'x' }, { errorDetail: { message: 'no space' }, error: 'no space' });
    await expect(showProgress(failing, progressOutput(io, 'out'))).rejects.toThrow('no space');
  });

  test('is left at once by Ctrl-C, with the cursor as it was', async () => {
    const { io, seen, handlers } = surroundings({ rows: 24, columns: 80 });
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield* stream(...pull.slice(0, 3));
      await new Promise(() => {});
    }
    const shown = showProgress(endless(), progressOutput(io, 'out'));
    while (!seen.out.includes('a: Downloading')) await Bun.sleep(1);
    handlers.get('SIGINT')?.();
    await expect(shown).rejects.toMatchObject({ exitCode: 130, message: '' });
    expect(seen.out).toEndWith('\x1b[?25h');
  });
});
