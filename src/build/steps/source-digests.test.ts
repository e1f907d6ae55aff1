import { afterAll, beforeAll, expect, test } from 'bun:test';
import type { CopyOperation } from '../definition/vertex.ts';
import { pieces, tarOf } from '../files/testing/tars.ts';
import type { Result } from '../solver/result.ts';
import { makeSteps } from './steps.ts';
import { StepBench, scratch } from './testing/step-bench.ts';

let bench: StepBench;
beforeAll(async () => {
  bench = await StepBench.open();
});
afterAll(() => bench[Symbol.asyncDispose]());

test('what a copy takes of a stage, and whom it makes it belong to, is looked up once for the same layers', async () => {
  const members = [
    { name: 'etc/passwd', text: 'app:x:7:8::/:\n' },
    { name: 'f', text: 'f' },
  ];
  const tar = tarOf(...members);
  const { diffId } = await bench.parts.images.receiveLayer(bench.context, bench.lease, pieces(tar));
  let opened = 0;
  const trees: typeof bench.parts.trees = {
    open: (context, source) => {
      opened++;
      return bench.parts.trees.open(context, source);
    },
  };
  const { copy } = makeSteps({ ...bench.parts, trees });
  const source = { type: 'input', input: 1, path: '/f', hasWildcards: false, excludes: [] } as const;
  const operation: CopyOperation = {
    ...{
      kind: 'copy',
      sources: [{ ...source, unpack: false, pivot: '', required: true }],
      destination: '/to',
    },
    ...{ owner: 'app', mode: '', link: true, keepsParents: false },
  };
  const key = (): Promise<unknown> => {
    // As another build has it: the same layers in another result.
    const stage: Result = { kind: 'layers', layers: [diffId] };
    return copy.key(bench.step(operation, [stage, { ...stage }], {}));
  };
  const first = await key();
  expect(first).toMatchObject({ owner: { uid: 7, gid: 8 } });
  expect(opened).toBe(2);
  expect(await key()).toEqual(first);
  expect(opened).toBe(2);
  const elsewhere = bench.step(operation, [scratch, { kind: 'layers', layers: [] }], {});
  await expect(copy.key(elsewhere)).rejects.toThrow('"/f": not found');
});
