import { expect, test } from 'bun:test';
import { invalid } from '../base/errors.ts';
import { PaperBuilder } from './testing/paper-builder.ts';

test('limits that nothing can run with end a build before anything is made, cached or not', async () => {
  const paper = new PaperBuilder();
  paper.add('base');
  await paper.build('FROM base\nRUN one');
  paper.checkLimits = ({ memory }) => {
    throw invalid(`${memory} is too little`);
  };
  const limits = { ...paper.request('FROM base').limits, memory: 5 };
  for (const step of ['one', 'two']) {
    const building = paper.build(`FROM base\nRUN ${step}`, { limits });
    await expect(building).rejects.toThrow('5 is too little');
  }
  expect(paper.ran).toEqual(['one']);
});
