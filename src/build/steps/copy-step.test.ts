import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { CopyOperation, CopySource } from '../definition/vertex.ts';
import { SingleFileTree } from '../files/single-file-tree.ts';
import { openTarTree } from '../files/tar-tree.ts';
import { type Member, pieces, tarOf } from '../files/testing/tars.ts';
import type { Result } from '../solver/result.ts';
import { makeSteps } from './steps.ts';
import { rejectionOf, StepBench, scratch } from './testing/step-bench.ts';

let bench: StepBench;
beforeAll(async () => {
  bench = await StepBench.open();
});
afterAll(() => bench[Symbol.asyncDispose]());

async function files(...members: Member[]): Promise<Result> {
  const options = { directory: bench.directory, zeroOwners: true };
  const { tree } = await openTarTree(bench.context, pieces(tarOf(...members)), options);
  return { kind: 'files', tree };
}

async function layer(...members: Member[]): Promise<Result> {
  const { diffId } = await bench.parts.images.receiveLayer(
    bench.context,
    bench.lease,
    pieces(tarOf(...members)),
  );
  return { kind: 'layers', layers: [diffId] };
}

type Input = Extract<CopySource, { type: 'input' }>;

function source(path: string, more: Partial<Input> = {}): Input {
  return {
    ...{ type: 'input', input: 1, path, hasWildcards: false, excludes: [], unpack: false, pivot: '' },
    ...{ required: true, ...more },
  };
}

function copy(
  sources: readonly CopySource[],
  destination: string,
  more: Partial<CopyOperation> = {},
): CopyOperation {
  return {
    ...{ kind: 'copy', sources, destination, owner: '', mode: '', link: false, keepsParents: false, ...more },
  };
}

const context = (): Promise<Result> =>
  files(
    { name: 'a.txt', text: 'a', uid: 1000, gid: 1000, mode: 0o640 },
    { name: 'b.txt', text: 'b' },
    { name: 'dir/', mode: 0o700 },
    { name: 'dir/one', text: '1' },
    { name: 'dir/sub/', mode: 0o711 },
    { name: 'dir/sub/two', text: '2', mode: 0o755 },
    { name: 'link', type: 'symlink', linkName: 'dir' },
    { name: 'same', type: 'hardlink', linkName: 'b.txt' },
  );

describe('a copy', () => {
  test("of a file to a path makes the parents, and everything root's", async () => {
    const made = await bench.on(copy([source('/a.txt')], '/x/y/z'), [scratch, await context()]);
    expect(await bench.inventory(made)).toEqual({
      x: 'directory 755 0:0 ',
      'x/y': 'directory 755 0:0 ',
      'x/y/z': 'file 640 0:0 a',
    });
  });

  test('of a file into a directory keeps its name', async () => {
    const base = await layer({ name: 'd/', mode: 0o1777, uid: 7, gid: 8 });
    const expected = { d: 'directory 1777 7:8 ', 'd/a.txt': 'file 640 0:0 a' };
    expect(
      await bench.inventory(await bench.on(copy([source('/a.txt')], '/d'), [base, await context()])),
    ).toEqual(expected);
    expect(
      await bench.inventory(await bench.on(copy([source('/a.txt')], '/d/'), [base, await context()])),
    ).toEqual(expected);
  });

  test('of a directory copies its content, and not what the directory itself is', async () => {
    const made = await bench.on(copy([source('/link')], '/to'), [scratch, await context()]);
    expect(await bench.inventory(made)).toEqual({
      to: 'directory 755 0:0 ',
      'to/one': 'file 644 0:0 1',
      'to/sub': 'directory 711 0:0 ',
      'to/sub/two': 'file 755 0:0 2',
    });
  });

  test('into a directory that is there changes those below it alone, and keeps what they have', async () => {
    const base = await layer(
      { name: 'to/', mode: 0o750, uid: 5, gid: 5 },
      { name: 'to/sub/', mode: 0o777, uid: 6, gid: 6 },
      { name: 'to/sub/old', text: 'old' },
      { name: 'to/one', type: 'symlink', linkName: '/etc' },
    );
    expect(
      await bench.inventory(await bench.on(copy([source('/dir')], '/to/'), [base, await context()])),
    ).toEqual({
      to: 'directory 750 5:5 ',
      'to/one': 'file 644 0:0 1',
      'to/sub': 'directory 711 0:0 ',
      'to/sub/old': 'file 644 0:0 old',
      'to/sub/two': 'file 755 0:0 2',
    });
  });

  test('follows links of the destination inside the root', async () => {
    const base = await layer(
      { name: 'real/', mode: 0o755 },
      { name: 'way', type: 'symlink', linkName: '../../../real/../real' },
      { name: 'dangling', type: 'symlink', linkName: '/new/place' },
    );
    const one = await bench.on(copy([source('/a.txt')], '/way/'), [base, await context()]);
    const two = await bench.on(copy([source('/a.txt')], '/dangling/'), [one, await context()]);
    expect(await bench.inventory(two)).toEqual({
      dangling: 'symlink 0:0 /new/place',
      new: 'directory 755 0:0 ',
      'new/place': 'directory 755 0:0 ',
      'new/place/a.txt': 'file 640 0:0 a',
      real: 'directory 755 0:0 ',
      'real/a.txt': 'file 640 0:0 a',
      way: 'symlink 0:0 ../../../real/../real',
    });
  });

  test('keeps owners, attributes and hard links of a stage', async () => {
    const xattrs = new Map([['user.note', Buffer.from('hi')]]);
    const stage = await layer(
      { name: 'f', text: 'f', uid: 3, gid: 4, mode: 0o4755, xattrs },
      { name: 'g', type: 'hardlink', linkName: 'f' },
    );
    const made = await bench.on(copy([source('/')], '/'), [scratch, stage]);
    expect(await bench.inventory(made)).toEqual({ f: 'file 4755 3:4 f', g: 'hardlink f' });
    const again = await bench.on(copy([source('/', { excludes: ['f'] })], '/'), [scratch, made]);
    expect(await bench.inventory(again)).toEqual({ g: 'file 4755 3:4 f' });
  });

  test('changes owner and mode of all it makes', async () => {
    const operation = copy([source('/dir')], '/to', { owner: '12:13', mode: 'u=rwX,go=rX' });
    expect(await bench.inventory(await bench.on(operation, [scratch, await context()]))).toEqual({
      to: 'directory 755 12:13 ',
      'to/one': 'file 644 12:13 1',
      'to/sub': 'directory 755 12:13 ',
      'to/sub/two': 'file 755 12:13 2',
    });
  });

  test('makes directories on its way with a mode in numbers, but for the usual mask', async () => {
    const modes = { '700': '700', '1777': '755', 'a=r': '755' };
    for (const [mode, made] of Object.entries(modes)) {
      const operation = copy([source('/dir/one')], '/way/to', { mode });
      const inventory = await bench.inventory(await bench.on(operation, [scratch, await context()]));
      expect(inventory['way']).toBe(`directory ${made} 0:0 `);
    }
  });

  test('looks names up in the files of the root, through links inside of it', async () => {
    const base = await layer(
      { name: 'etc/' },
      { name: 'etc/passwd', type: 'symlink', linkName: '/share/passwd' },
      { name: 'etc/group', text: 'app:x:77:\nteam:x:78:\n' },
      { name: 'share/passwd', text: 'root:x:0:0:::\napp:x:7:70::/:/bin/sh\n' },
    );
    const ownerOf = async (owner: string, style: 'classic' | 'buildkit'): Promise<string | undefined> => {
      const operation = copy([source('/b.txt')], '/f', { owner });
      return (await bench.inventory(await bench.on(operation, [base, await context()], { style })))['f'];
    };
    expect(await ownerOf('app', 'buildkit')).toBe('file 644 7:70 b');
    expect(await ownerOf('app', 'classic')).toBe('file 644 7:77 b');
    expect(await ownerOf('app:team', 'buildkit')).toBe('file 644 7:78 b');
    expect(await ownerOf('nobody', 'buildkit')).toBe('file 644 0:0 b');
    expect(await rejectionOf(ownerOf('nobody', 'classic'))).toBe(
      "unable to convert uid/gid chown string to host mapping: can't find uid for user nobody: no such user: nobody",
    );
  });

  test('refuses a directory over something else, and a file over a directory', async () => {
    const base = await layer({ name: 'to/sub', text: 'file' }, { name: 'to/one/', mode: 0o755 });
    const over = (path: string, destination: string): Promise<string> =>
      rejectionOf(context().then((input) => bench.on(copy([source(path)], destination), [base, input])));
    expect(await over('/dir/sub', '/to/sub')).toBe('cannot copy to non-directory: /to/sub');
    expect(await over('/dir', '/to')).toBe('cannot replace to directory /to/one with file');
    expect(await over('/a.txt', '/to/sub/')).toBe('mkdir /to/sub: not a directory');
  });

  test('of what is not there fails in the words of its style', async () => {
    const operation = copy([source('/missing')], '/x');
    const fail = async (style: 'classic' | 'buildkit', one = operation): Promise<string> =>
      rejectionOf(bench.on(one, [scratch, await context()], { style }));
    expect(await fail('buildkit')).toMatch(
      /^failed to compute cache key: failed to calculate checksum of ref \w+: "\/missing": not found$/,
    );
    expect(await fail('classic')).toBe(
      'COPY failed: file not found in build context or excluded by .dockerignore: stat missing: file does not exist',
    );
    const wild = copy([source('/nothing*', { hasWildcards: true, required: false })], '/x/');
    expect(await fail('classic', wild)).toBe('COPY failed: no source files were specified');
    expect(await bench.make(wild, [scratch, await context()])).toEqual({ kind: 'added', layers: [] });
  });

  test('of a pattern takes what matches, but not what is excluded', async () => {
    const operation = copy([source('/[ab].*', { hasWildcards: true, excludes: ['b*'] })], '/x/');
    expect(await bench.inventory(await bench.on(operation, [scratch, await context()]))).toEqual({
      x: 'directory 755 0:0 ',
      'x/a.txt': 'file 640 0:0 a',
    });
  });

  test('with its parents keeps the directories behind the pivot', async () => {
    const made = (path: string, pivot: string): Promise<Result> =>
      context().then((input) => {
        const one = source(path, { hasWildcards: path.includes('*'), pivot });
        return bench.on(copy([one], '/to/', { keepsParents: true }), [scratch, input]);
      });
    expect(await bench.inventory(await made('/dir/**/two', ''))).toEqual({
      to: 'directory 755 0:0 ',
      'to/dir': 'directory 700 0:0 ',
      'to/dir/sub': 'directory 711 0:0 ',
      'to/dir/sub/two': 'file 755 0:0 2',
    });
    expect(await bench.inventory(await made('/dir/sub/two', '/dir'))).toEqual({
      to: 'directory 755 0:0 ',
      'to/sub': 'directory 711 0:0 ',
      'to/sub/two': 'file 755 0:0 2',
    });
  });

  test('of documents makes files of mode 0644', async () => {
    const inline = { type: 'inline', name: 'EOF', content: 'hello\n' } as const;
    const made = await bench.on(copy([inline], '/etc/'), [scratch]);
    expect(await bench.inventory(made)).toEqual({
      etc: 'directory 755 0:0 ',
      'etc/EOF': 'file 644 0:0 hello\n',
    });
  });

  test('with the time given makes the same layer each time, none of it younger', async () => {
    const make = async (): Promise<unknown> =>
      bench.make(copy([source('/')], '/x/y'), [scratch, await context()], { sourceDate: 5 });
    expect(await make()).toEqual(await make());
  });

  test('of its own layer does not look below', async () => {
    const base = await layer({ name: 'to', type: 'symlink', linkName: '/etc' });
    const made = await bench.on(copy([source('/b.txt')], '/to/', { link: true }), [base, await context()]);
    expect(await bench.inventory(made)).toEqual({ to: 'directory 755 0:0 ', 'to/b.txt': 'file 644 0:0 b' });
  });

  test('refuses names that a layer would take for removals', async () => {
    const tree = new SingleFileTree({ type: 'file', name: '.wh.passwd' }, Buffer.from(''));
    const making = bench.make(copy([source('/')], '/etc/'), [scratch, { kind: 'files', tree }]);
    expect(await rejectionOf(making)).toBe(
      '"/etc/.wh.passwd": names that begin with ".wh." cannot be part of an image',
    );
  });

  test('leaves out what is excluded, but for its exceptions with their directories', async () => {
    const excludes = ['dir', '!dir/sub', '*.txt', 'link'];
    const made = await bench.on(copy([source('/', { excludes })], '/'), [scratch, await context()]);
    expect(await bench.inventory(made)).toEqual({
      dir: 'directory 700 0:0 ',
      'dir/sub': 'directory 711 0:0 ',
      'dir/sub/two': 'file 755 0:0 2',
      same: 'file 644 0:0 b',
    });
  });

  test('of a pattern that matches a link to nothing fails', async () => {
    const input = await files({ name: 'x1', type: 'symlink', linkName: '/no/where' });
    const operation = copy([source('/x*', { hasWildcards: true, required: false })], '/to/');
    expect(await rejectionOf(bench.make(operation, [scratch, input]))).toEndWith('"/no/where": not found');
  });

  test('of a directory in the classic style replaces what is in the way below it', async () => {
    const base = await layer(
      { name: 'to/one/x', text: 'x' },
      { name: 'to/sub', type: 'symlink', linkName: '/etc' },
    );
    const operation = copy([source('/dir')], '/to/');
    expect(
      await bench.inventory(await bench.on(operation, [base, await context()], { style: 'classic' })),
    ).toEqual({
      to: 'directory 755 0:0 ',
      'to/one': 'file 644 0:0 1',
      'to/sub': 'directory 711 0:0 ',
      'to/sub/two': 'file 755 0:0 2',
    });
  });

  test('over a directory of many files asks what is there all at once', async () => {
    const many = Array.from({ length: 300 }, (_, index) => `f${index}`);
    const base = await layer(...many.map((name) => ({ name: `to/${name}`, text: 'old' })), {
      name: 'to/f299/',
      mode: 0o700,
    });
    const input = await files(...many.map((name) => ({ name, text: 'new' })));
    const message = await rejectionOf(bench.make(copy([source('/')], '/to'), [base, input]));
    expect(message).toBe('cannot replace to directory /to/f299 with file');
    const fine = await bench.on(copy([source('/', { excludes: ['f299'] })], '/to'), [base, input]);
    const made = await bench.inventory(fine);
    expect([made['to/f298'], made['to/f299']]).toEqual(['file 644 0:0 new', 'directory 700 0:0 ']);
  });

  test('that is given up ends, and leaves no layer', async () => {
    const stop = new AbortController();
    const input = await context();
    const step = bench.step(copy([source('/')], '/'), [scratch, input], {});
    stop.abort(new Error('given up'));
    const making = makeSteps(bench.parts).copy.make({
      ...step,
      context: { ...step.context, signal: stop.signal },
    });
    expect(await rejectionOf(making)).toBe('given up');
  });
});

describe("a copy's key", () => {
  const key = async (operation: CopyOperation, input: Result, base: Result = scratch): Promise<string> =>
    bench.key(operation, [base, input]);

  test('is that of the content, not of times or of what is not copied', async () => {
    const operation = copy([source('/f')], '/x');
    const first = await key(operation, await files({ name: 'f', text: '1', seconds: 1 }));
    expect(
      await key(operation, await files({ name: 'f', text: '1', seconds: 2 }, { name: 'g', text: '' })),
    ).toBe(first);
    expect(await key(operation, await layer({ name: 'f', text: '1' }))).toBe(first);
    expect(await key(operation, await files({ name: 'f', text: '2', seconds: 1 }))).not.toBe(first);
    expect(await key(operation, await files({ name: 'f', text: '1', mode: 0o600 }))).not.toBe(first);
  });

  test('is another for another name in a directory, owner, mode, or filesystem below unless linked', async () => {
    const input = await files({ name: 'f', text: '1' }, { name: 'g', text: '1' });
    const base = await layer({ name: 'z', text: '' });
    const keys = await Promise.all([
      key(copy([source('/f')], '/x/'), input),
      key(copy([source('/g')], '/x/'), input),
      key(copy([source('/f')], '/x/', { owner: '1' }), input),
      key(copy([source('/f')], '/x/', { mode: '600' }), input),
      key(copy([source('/f')], '/x/'), input, base),
    ]);
    expect(new Set(keys).size).toBe(keys.length);
    const linked = copy([source('/f')], '/x/', { link: true });
    expect(await key(linked, input, base)).toBe(await key(linked, input, scratch));
  });
});
