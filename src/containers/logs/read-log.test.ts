import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { appendFileSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { LineSplitter } from './line-splitter.ts';
import { parseRecord, timeOfNano } from './log-record.ts';
import { type ReadRequest, readLog } from './read-log.ts';

let directory: string;
let path: string;
let counter = 0;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'sampan-logs-'));
});
beforeEach(() => {
  path = join(directory, `${counter++}-json.log`);
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Line `number` is written at second `number` of 1970. */
function line(number: number, stream = 'stdout', attrs?: object): string {
  const time = timeOfNano(BigInt(number) * 1_000_000_000n).replace(/\.?0+Z$/, 'Z');
  return `${JSON.stringify({ log: `line ${number}\n`, stream, ...(attrs && { attrs }), time })}\n`;
}

function lines(from: number, to: number): string {
  let text = '';
  for (let number = from; number <= to; number++) text += line(number);
  return text;
}

function read(own: Partial<ReadRequest> = {}): AsyncGenerator<Uint8Array> {
  return readLog({
    path,
    stdout: true,
    stderr: true,
    follow: false,
    timestamps: false,
    details: false,
    tail: undefined,
    since: undefined,
    until: undefined,
    raw: true,
    ended: undefined,
    signal: new AbortController().signal,
    ...own,
  });
}

async function text(own: Partial<ReadRequest> = {}): Promise<string> {
  return Buffer.concat(await Array.fromAsync(read(own))).toString();
}

async function numbers(own: Partial<ReadRequest> = {}): Promise<number[]> {
  return [...(await text(own)).matchAll(/line (\d+)/g)].map((match) => Number(match[1]));
}

function count(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
}

describe('a log', () => {
  test('that was never written reads as nothing', async () => {
    expect(await text()).toBe('');
    expect(await text({ tail: 5 })).toBe('');
  });

  test('goes out in frames, by stream', async () => {
    writeFileSync(path, line(1) + line(2, 'stderr'));
    const [chunk = new Uint8Array()] = await Array.fromAsync(read({ raw: false }));
    expect([...chunk.subarray(0, 8)]).toEqual([1, 0, 0, 0, 0, 0, 0, 7]);
    expect([...chunk.subarray(15, 23)]).toEqual([2, 0, 0, 0, 0, 0, 0, 7]);
    expect(await numbers({ stdout: false })).toEqual([2]);
  });

  test('shows times with nine digits, and details sorted and escaped', async () => {
    writeFileSync(path, line(1, 'stdout', { b: 'x y&z', a: '1' }));
    expect(await text({ timestamps: true, details: true })).toBe(
      '1970-01-01T00:00:01.000000000Z a=1,b=x+y%26z line 1\n',
    );
  });

  test('is cut by since and until, both inclusive', async () => {
    writeFileSync(path, lines(1, 9));
    expect(await numbers({ since: 3_000_000_000n, until: 5_000_000_000n })).toEqual([3, 4, 5]);
  });

  test('passes over what is no record', async () => {
    writeFileSync(path, `${line(1)}garbage\n{"log":1}\n\n${line(2)}{"log":"cut o`);
    expect(await numbers()).toEqual([1, 2]);
  });

  test('larger than any buffer comes in pieces', async () => {
    writeFileSync(path, lines(1, 20_000));
    const chunks = await Array.fromAsync(read());
    expect(chunks.length).toBeGreaterThan(2);
    expect(Math.max(...chunks.map((chunk) => chunk.length))).toBeLessThan(256 << 10);
    expect(await numbers({ tail: 15_000 })).toEqual(count(5001, 20_000));
  });

  test('is read across rotated files, plain and compressed, from any line on', async () => {
    writeFileSync(`${path}.2.gz`, gzipSync(lines(1, 10)));
    writeFileSync(`${path}.1`, lines(11, 20));
    writeFileSync(path, lines(21, 30));
    expect(await numbers()).toEqual(count(1, 30));
    for (const tail of [0, 1, 9, 10, 11, 15, 20, 21, 25, 30, 31]) {
      expect(await numbers({ tail })).toEqual(count(Math.max(1, 31 - tail), 30));
    }
  });
});

describe('following a log', () => {
  test('gives what is written, to the last line before the end', async () => {
    writeFileSync(path, lines(1, 3));
    const end = Promise.withResolvers<void>();
    const followed = numbers({ follow: true, ended: end.promise, tail: 1 });
    for (let number = 4; number <= 50; number++) {
      appendFileSync(path, line(number));
      if (number % 10 === 0) await Bun.sleep(1);
    }
    end.resolve();
    expect(await followed).toEqual(count(3, 50));
  });

  test('begins before the first line', async () => {
    const end = Promise.withResolvers<void>();
    const followed = numbers({ follow: true, ended: end.promise });
    await Bun.sleep(5);
    writeFileSync(path, lines(1, 2));
    end.resolve();
    expect(await followed).toEqual([1, 2]);
  });

  test('goes on across rotations, even some at once', async () => {
    writeFileSync(path, lines(1, 2));
    const end = Promise.withResolvers<void>();
    const reader = read({ follow: true, ended: end.promise });
    const first = await reader.next();
    expect(Buffer.from(first.value ?? []).toString()).toBe('line 1\nline 2\n');
    appendFileSync(path, line(3));
    rotate();
    writeFileSync(path, line(4));
    rotate();
    writeFileSync(path, line(5));
    end.resolve();
    let rest = '';
    for await (const chunk of reader) rest += Buffer.from(chunk).toString();
    expect(rest).toBe('line 3\nline 4\nline 5\n');
  });

  test('goes on when old files are compressed', async () => {
    writeFileSync(path, lines(1, 2));
    const end = Promise.withResolvers<void>();
    const reader = read({ follow: true, ended: end.promise });
    await reader.next();
    writeFileSync(`${path}.2.gz`, gzipSync(lines(1, 2)));
    writeFileSync(`${path}.1.gz`, gzipSync(lines(3, 4)));
    rmSync(path);
    writeFileSync(path, line(5));
    end.resolve();
    let rest = '';
    for await (const chunk of reader) rest += Buffer.from(chunk).toString();
    expect(rest).toBe('line 3\nline 4\nline 5\n');
  });

  test('goes on when the only file starts over', async () => {
    writeFileSync(path, lines(1, 9));
    const end = Promise.withResolvers<void>();
    const reader = read({ follow: true, ended: end.promise });
    await reader.next();
    truncateSync(path);
    appendFileSync(path, line(10));
    end.resolve();
    const next = await reader.next();
    expect(Buffer.from(next.value ?? []).toString()).toBe('line 10\n');
    await reader.return(undefined);
  });

  test('ends when the client leaves, or the time is over', async () => {
    writeFileSync(path, line(1));
    const forever = new Promise<never>(() => {});
    const client = new AbortController();
    const left = numbers({ follow: true, ended: forever, signal: client.signal });
    await Bun.sleep(5);
    client.abort();
    expect(await left).toEqual([1]);
    expect(await numbers({ follow: true, ended: forever, until: 2_000_000_000n })).toEqual([1]);
  });
});

function rotate(): void {
  for (let number = 8; number >= 1; number--) {
    try {
      renameSync(`${path}.${number}`, `${path}.${number + 1}`);
    } catch {
      // Not that many yet.
    }
  }
  renameSync(path, `${path}.1`);
}

describe('the line splitter', () => {
  test('gives the same lines however the bytes are cut', () => {
    const pieces = fc.array(fc.string({ unit: 'grapheme' }).map((word) => word.replaceAll('\n', '')));
    fc.assert(
      fc.property(pieces, fc.integer({ min: 1, max: 7 }), (words, size) => {
        const bytes = Buffer.from(words.map((word) => `${word}\n`).join(''));
        const splitter = new LineSplitter();
        const result: string[] = [];
        for (let at = 0; at < bytes.length; at += size) {
          // One buffer for all chunks, as the reader has it.
          result.push(...splitter.push(Buffer.from(bytes.subarray(at, at + size))));
        }
        expect(result).toEqual(words);
      }),
    );
  });

  test('skips a line longer than any record', () => {
    const splitter = new LineSplitter();
    const long = Buffer.alloc(1 << 20, 'x');
    expect(splitter.push(long)).toEqual([]);
    expect(splitter.push(long)).toEqual([]);
    expect(splitter.push(Buffer.from('\nnext\n'))).toEqual(['next']);
  });
});

test('a record never throws, whatever the line', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void parseRecord(text)));
});
