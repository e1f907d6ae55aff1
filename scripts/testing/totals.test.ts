import { expect, test } from 'bun:test';
import { countLine } from './totals.ts';

test('totals add up what the runner says, where only a pass is a pass', () => {
  const totals = { passed: 0, failed: 0 };
  for (const line of [
    '(pass) 3 pass',
    ' 12 pass',
    ' 2 fail',
    ' 1 skip',
    ' 1 todo',
    ' 1 error',
    ' 30 expect() calls',
  ]) {
    countLine(totals, line);
  }
  expect(totals).toEqual({ passed: 12, failed: 5 });
});

test('totals add up several runs', () => {
  const totals = { passed: 1, failed: 0 };
  countLine(totals, ' 1 pass');
  countLine(totals, ' 3 errors');
  expect(totals).toEqual({ passed: 2, failed: 3 });
});
