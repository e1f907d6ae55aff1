import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { DirectoryOperation } from '../definition/vertex.ts';
import { openTarTree } from '../files/tar-tree.ts';
import { pieces, tarOf } from '../files/testing/tars.ts';
import type { Result } from '../solver/result.ts';
import { ResultLayers } from './layers-of.ts';
import { StepBench, scratch } from './testing/step-bench.ts';

let bench: StepBench;
beforeAll(async () => {
  bench = await StepBench.open();
});
afterAll(() => bench[Symbol.asyncDispose]());

const directory = (path: string, owner = ''): DirectoryOperation => ({
  kind: 'directory',
  path,
  mode: 0o755,
  owner,
});

describe('a working directory', () => {
  test("is made with its parents, the user's, as one layer", async () => {
    const made = await bench.on(directory('/a/b', '5:6'), [scratch]);
    expect(await bench.inventory(made)).toEqual({ a: 'directory 755 5:6 ', 'a/b': 'directory 755 5:6 ' });
    const classic = await bench.on(directory('/a/b', '5:6'), [scratch], { style: 'classic' });
    expect(await bench.inventory(classic)).toEqual({ a: 'directory 755 0:0 ', 'a/b': 'directory 755 0:0 ' });
  });

  test('adds no layer where it is there, by way of links too', async () => {
    const members = [
      { name: 'real/', mode: 0o700 },
      { name: 'l', type: 'symlink', linkName: 'real' },
      { name: 'f', text: '' },
    ] as const;
    const { diffId } = await bench.parts.images.receiveLayer(
      bench.context,
      bench.lease,
      pieces(tarOf(...members)),
    );
    const base: Result = { kind: 'layers', layers: [diffId] };
    expect(await bench.make(directory('/l'), [base])).toEqual({ kind: 'added', layers: [] });
    const made = await bench.on(directory('/l/sub'), [base]);
    expect(await bench.inventory(made)).toMatchObject({
      real: 'directory 700 0:0 ',
      'real/sub': 'directory 755 0:0 ',
    });
    await expect(bench.make(directory('/f/x'), [base])).rejects.toThrow('mkdir /f: not a directory');
  });
});

test('the layers of files are made once for the same content, and again when they have gone', async () => {
  const options = { directory: bench.directory, zeroOwners: true };
  const open = async (seconds: number): Promise<Result> => {
    const { tree } = await openTarTree(
      bench.context,
      pieces(tarOf({ name: 'd/f', text: 'f', seconds })),
      options,
    );
    return { kind: 'files', tree };
  };
  let received = 0;
  const images = {
    ...bench.parts.images,
    receiveLayer: (...args: Parameters<typeof bench.parts.images.receiveLayer>) => {
      received++;
      return bench.parts.images.receiveLayer(...args);
    },
  };
  const layers = new ResultLayers({ images, snapshots: bench.driver });
  const first = await layers.of(bench.context, bench.lease, await open(1));
  expect(await bench.inventory({ kind: 'layers', layers: first })).toEqual({
    d: 'directory 755 0:0 ',
    'd/f': 'file 644 0:0 f',
  });
  expect(await layers.of(bench.context, bench.lease, await open(2))).toEqual(first);
  expect(received).toBe(1);
  for (const layer of first) await bench.driver.removeLayer(bench.context, layer);
  await layers.of(bench.context, bench.lease, await open(1));
  expect(received).toBe(2);
});
