import { afterAll, beforeEach, describe, expect, test } from 'bun:test';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { readIgnoreFile } from '../../dockerfile/ignore-file.ts';
import { readTar } from '../../oci/tar/archive.ts';
import type { ContextListing } from '../../wire/build-messages.ts';
import { type PackOptions, packContext } from './pack-context.ts';
import { scanContext } from './scan-context.ts';
import type { ContextFiles } from './walk-context.ts';

const home = mkdtempSync(join(tmpdir(), 'pack-context-'));
const directory = join(home, 'context');
beforeEach(() => {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
});
afterAll(() => rmSync(home, { recursive: true }));

function write(path: string, text = ''): void {
  mkdirSync(dirname(join(directory, path)), { recursive: true });
  writeFileSync(join(directory, path), text);
}

function pack(
  files: Partial<ContextFiles> = {},
  options: Partial<PackOptions> = {},
): AsyncGenerator<Uint8Array, void, void> {
  const nothing = new Map<string, Uint8Array>();
  const all = { directory, rules: undefined, always: new Set<string>(), rewritten: nothing, added: nothing };
  return packContext({ ...all, ...files }, { onSocket: () => {}, ...options });
}

async function namesOf(
  files: Partial<ContextFiles> = {},
  options: Partial<PackOptions> = {},
): Promise<string[]> {
  const names: string[] = [];
  for await (const { entry } of readTar(pack(files, options))) names.push(entry.name);
  return names;
}

describe('a context', () => {
  test('is sent sorted, owned by root, in whole seconds, with further names as links', async () => {
    write('b/c', 'second');
    write('a', 'first');
    chmodSync(join(directory, 'a'), 0o4750);
    linkSync(join(directory, 'a'), join(directory, 'z'));
    symlinkSync('../outside', join(directory, 'out'));
    utimesSync(join(directory, 'a'), 5.9, 5.9);
    const seen: string[] = [];
    for await (const { entry, text } of readTar(pack())) {
      const { type, name, mode, uid, gid, seconds, nanoseconds, linkName } = entry;
      const time = name === 'a' ? [seconds, nanoseconds] : [];
      const bits = type === 'file' ? [mode.toString(8)] : [];
      seen.push([type, name, uid, gid, ...bits, ...time, linkName, await text(100)].join(' '));
    }
    expect(seen).toEqual([
      'file a 0 0 4750 5 0  first',
      'directory b/ 0 0  ',
      'file b/c 0 0 644  second',
      'symlink out 0 0 ../outside ',
      'hardlink z 0 0 a ',
    ]);
  });

  test('holds files larger than a piece whole', async () => {
    const large = Buffer.alloc(700_001, 'abcdefg');
    writeFileSync(join(directory, 'large'), large);
    write('small', 'x');
    const contents: string[] = [];
    for await (const { text } of readTar(pack())) contents.push(await text(1e6));
    expect(contents).toEqual([large.toString(), 'x']);
  });

  test('goes without sockets, which are told', async () => {
    write('d/a');
    const server = net.createServer().listen(join(directory, 'd/s'));
    await new Promise((resolve) => server.once('listening', resolve));
    const sockets: string[] = [];
    expect(await namesOf({}, { onSocket: (path) => sockets.push(path) })).toEqual(['d/', 'd/a']);
    expect(sockets).toEqual(['d/s']);
    server.close();
  });

  test('is not followed out of by links to folders', async () => {
    mkdirSync(join(home, 'elsewhere'), { recursive: true });
    writeFileSync(join(home, 'elsewhere/secret'), 'x');
    symlinkSync('../elsewhere', join(directory, 'link'));
    expect(await namesOf()).toEqual(['link']);
  });

  test('keeps names that are not UTF-8', async () => {
    writeFileSync(Buffer.from(`${directory}/\xff`, 'latin1'), '');
    expect(await namesOf()).toEqual(['\xff']);
  });

  test('goes with what is added, and with other bytes in the place of its own', async () => {
    write('a', 'first');
    write('b', 'second');
    const texts: string[] = [];
    const files = {
      rewritten: new Map([['a', Buffer.from('other')]]),
      added: new Map([['more', Buffer.from('third')]]),
    };
    for await (const { entry, text } of readTar(pack(files))) texts.push(`${entry.name} ${await text(10)}`);
    expect(texts).toEqual(['a other', 'b second', 'more third']);
  });
});

/** All paths below the root, as a walk meets them. */
function walkOrder(paths: ReadonlySet<string>, above = ''): string[] {
  const here = [...paths].filter((path) => path.startsWith(above) && !path.slice(above.length).includes('/'));
  return here
    .filter((path) => path !== '')
    .sort()
    .flatMap((path) => [path, ...walkOrder(paths, `${path}/`)]);
}

/** What the documentation says, in the plainest way: the last line that matches a path or a directory above it decides. */
function isIgnored(lines: readonly string[], path: string): boolean {
  const names = path.split('/');
  const paths = names.map((_, index) => names.slice(0, index + 1).join('/'));
  const last = lines.findLast((line) => {
    const source = line
      .replace(/^!/, '')
      .replaceAll('**/', '<0>')
      .replaceAll('**', '<1>')
      .replaceAll('*', '[^/]*')
      .replaceAll('?', '[^/]')
      .replaceAll('<0>', '(?:.*/)?')
      .replaceAll('<1>', '.*');
    return paths.some((one) => new RegExp(`^${source}$`).test(one));
  });
  return last !== undefined && !last.startsWith('!');
}

describe('an ignore file', () => {
  const name = fc.constantFrom('a', 'b', 'ab');
  const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));
  const segment = fc.constantFrom('a', 'b', 'ab', '*', '**', '?', 'a*', '*b');
  const line = fc
    .tuple(fc.boolean(), fc.array(segment, { minLength: 1, maxLength: 3 }))
    .map(([isException, segments]) => (isException ? '!' : '') + segments.join('/'));

  test('leaves out of a context what a plain reading of it leaves out', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(path, { maxLength: 12 }),
        fc.array(line, { maxLength: 5 }),
        fc.array(path, { maxLength: 2 }),
        async (files, lines, always) => {
          rmSync(directory, { recursive: true });
          mkdirSync(directory);
          const paths = new Set<string>();
          for (const file of files) {
            const names = file.split('/');
            // A file that is there already is no directory too.
            if (names.some((_, index) => index > 0 && isFile(paths, names.slice(0, index).join('/'))))
              continue;
            if (paths.has(file)) continue;
            write(file);
            for (const index of names.keys()) paths.add(names.slice(0, index + 1).join('/'));
          }
          const expected = walkOrder(paths).filter((one) => !isIgnored(lines, one) || always.includes(one));
          const seen = await namesOf({ rules: readIgnoreFile(lines.join('\n')), always: new Set(always) });
          expect(seen.map((one) => one.replace(/\/$/, ''))).toEqual(expected);
        },
      ),
      { numRuns: 60 },
    );
  });
});

function isFile(paths: ReadonlySet<string>, path: string): boolean {
  return paths.has(path) && ![...paths].some((one) => one.startsWith(`${path}/`));
}

describe('a context that is compared', () => {
  test('is told without its content, and files that are wanted come with the same times', async () => {
    write('d/a', 'first');
    write('d/b', 'second');
    symlinkSync('a', join(directory, 'd/l'));
    utimesSync(join(directory, 'd/b'), 1.5, 7.25);
    const none = { always: new Set<string>(), rewritten: new Map(), added: new Map() };
    const scanned = scanContext({ directory, rules: readIgnoreFile('d/a'), ...none });
    const listings = scanned?.listings.map(({ text }): ContextListing => JSON.parse(text)) ?? [];
    expect<unknown>(listings).toEqual([
      ['', null, 0],
      [
        ...['d', 0o755, expect.any(Number)],
        ...[expect.arrayContaining(['b', 0o100644, 6, 7]), ['l', 0o120777, 0, expect.any(Number), '', 'a']],
      ],
    ]);
    expect(scanned?.bytes).toBe(6);
    const wanted: unknown[] = [];
    for await (const { entry, text } of readTar(pack({}, { only: new Set(['d/b']) }))) {
      const { type, name, mode, size, seconds, nanoseconds, linkName } = entry;
      wanted.push([type, name, mode, size, seconds, nanoseconds, linkName], await text(10));
    }
    expect(wanted).toEqual([['file', 'd/b', 0o644, 6, 7, 250_000_000, ''], 'second']);
  });

  test('is not told when it holds what cannot be compared', () => {
    Bun.spawnSync(['mkfifo', join(directory, 'pipe')]);
    const none = { always: new Set<string>(), rewritten: new Map(), added: new Map() };
    expect(scanContext({ directory, rules: undefined, ...none }).hasSpecial).toBe(true);
  });
});
