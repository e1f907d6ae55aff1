import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { TreePart } from '../../src/runtime/trees/contract.ts';
import {
  collect,
  context,
  everything,
  file,
  partsOf,
  rejection,
  TreesFixture,
} from '../../src/runtime/trees/testing/fixture.ts';
import { TreeError } from '../../src/runtime/trees/tree-error.ts';
import { binaries } from './fixture.ts';

/** Swaps the directory `name` for a symbolic link that leads out of the tree, and back, as fast as it can. */
const swapper = `
import ctypes, os, sys
os.chdir(sys.argv[1])
rename = ctypes.CDLL(None, use_errno=True).renameat2
print('ready', flush=True)
while True:
    rename(-100, b'name', -100, b'link', 2)
`;

describe.each(binaries.map((binary) => [basename(binary), binary]))(
  'a hostile tree under %s',
  (_name, binary) => {
    let fixture: TreesFixture;
    let outside: string;
    const peers: ChildProcess[] = [];
    beforeAll(async () => {
      fixture = await TreesFixture.open(binary);
      outside = fixture.path('outside');
    });
    beforeEach(() => {
      rmSync(outside, { recursive: true, force: true });
      mkdirSync(outside);
      for (const name of ['canary', 'file']) writeFileSync(`${outside}/${name}`, 'secret');
    });
    afterAll(async () => {
      for (const peer of peers) peer.kill('SIGKILL');
      await fixture[Symbol.asyncDispose]();
    });
    const untouched = (): void => {
      expect(readdirSync(outside).sort()).toEqual(['canary', 'file']);
      for (const name of ['canary', 'file']) {
        expect(readFileSync(`${outside}/${name}`, 'utf8')).toBe('secret');
        expect(statSync(`${outside}/${name}`).mode & 0o7777).toBe(0o644);
      }
    };
    /** A directory of the tree in which "name" is now a directory and now a link to a place outside. */
    const contested = async (directory: string): Promise<string> => {
      const host = fixture.inside(directory);
      mkdirSync(`${host}/name`, { recursive: true });
      writeFileSync(`${host}/name/file`, 'inside');
      symlinkSync(outside, `${host}/link`);
      const peer = spawn('python3', ['-c', swapper, host], { stdio: ['ignore', 'pipe', 'inherit'] });
      peers.push(peer);
      if (peer.stdout !== null) await once(peer.stdout, 'data');
      return directory;
    };

    test('links lead nowhere but below the root', async () => {
      mkdirSync(fixture.inside('links/etc'), { recursive: true });
      writeFileSync(fixture.inside('links/etc/passwd'), 'the tree’s own');
      symlinkSync('/etc', fixture.inside('links/absolute'));
      symlinkSync(`../../../../../../../../..${outside}`, fixture.inside('links/up'));
      symlinkSync('loop', fixture.inside('links/loop'));
      await using tree = await fixture.tree(fixture.inside('links'));
      expect(await tree.stat(context, '/absolute/passwd', true)).toMatchObject({
        path: '/etc/passwd',
        type: 'file',
      });
      expect(await tree.stat(context, '/../../absolute', true)).toMatchObject({
        path: '/etc',
        type: 'directory',
      });
      expect(await tree.stat(context, 'absolute', false)).toMatchObject({
        path: '/absolute',
        type: 'symlink',
        linkTarget: '/etc',
      });
      expect(await tree.stat(context, '/up', true)).toBeUndefined();
      expect(await rejection(tree.stat(context, '/loop', true))).toMatchObject({ code: 'invalid-argument' });
      expect(await rejection(tree.stat(context, '/etc/passwd/x', true))).toMatchObject({
        code: 'invalid-argument',
      });
      const [passwd] = await collect(tree.read(context, '/absolute/passwd', everything));
      expect(passwd?.data.toString()).toBe('the tree’s own');
      const archive = [
        { type: 'symlink', name: 'evil', linkName: outside } as const,
        ...file('evil/canary', 'overwritten'),
      ];
      await tree.write(context, '/', partsOf(...archive), { keepKinds: false });
      expect(readFileSync(fixture.inside(`links${outside}/canary`), 'utf8')).toBe('overwritten');
      const linked: TreePart = { type: 'hardlink', name: 'stolen', linkName: `up/canary` };
      await tree.write(context, '/', partsOf(linked), { keepKinds: false }).catch(() => {});
      untouched();
    });

    test('a directory that is swapped for a link during 1,000 writes lets nothing out', async () => {
      const directory = await contested('written');
      await using tree = await fixture.tree();
      let written = 0;
      for (let round = 0; round < 1000; round++) {
        const parts: TreePart[] = [
          ...file('name/file', 'overwritten', { mode: 0o777 }),
          { type: 'directory', name: 'name', mode: 0o777 },
          { type: 'symlink', name: 'name/canary', linkName: 'x' },
        ];
        const error = await tree
          .write(context, `/${directory}`, partsOf(...parts.slice(0, 2)), { keepKinds: true })
          .then(
            () => written++,
            (cause: unknown) => cause,
          );
        if (typeof error !== 'number') expect(error).toBeInstanceOf(TreeError);
        await tree
          .write(context, `/${directory}/name`, partsOf(...file('canary')), { keepKinds: false })
          .catch(() => {});
      }
      expect(written).toBeGreaterThan(0);
      untouched();
    });

    test('a directory that is swapped for a link during 1,000 reads shows nothing of outside', async () => {
      const directory = await contested('read');
      await using tree = await fixture.tree();
      let complete = 0;
      for (let round = 0; round < 1000; round++) {
        const path = round % 2 === 0 ? `/${directory}` : `/${directory}/name/file`;
        const found = await collect(tree.read(context, path, everything)).catch((error: unknown) => {
          expect(error).toBeInstanceOf(TreeError);
          return [];
        });
        for (const { data } of found) expect(data.toString()).not.toContain('secret');
        if (found.length > 0) complete++;
      }
      expect(complete).toBeGreaterThan(0);
    });

    test('FIFOs and devices are never opened', async () => {
      const directory = fixture.inside('special');
      mkdirSync(directory);
      // Opening the first blocks, opening the second fails.
      for (const args of [
        ['fifo', 'p'],
        ['device', 'c', '259', '77'],
      ]) {
        expect(spawnSync('mknod', [`${directory}/${args[0]}`, ...args.slice(1)]).status).toBe(0);
      }
      await using tree = await fixture.tree();
      const found = await collect(tree.read(context, '/special', everything));
      expect(found.map(({ header }) => header.type)).toEqual(['directory', 'character', 'fifo']);
      await tree.write(context, '/special', partsOf(...file('fifo', 'a'), ...file('device', 'b')), {
        keepKinds: true,
      });
      expect(readFileSync(`${directory}/fifo`, 'utf8')).toBe('a');
    });
  },
);
