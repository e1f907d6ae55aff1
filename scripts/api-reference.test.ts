import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { apiReference, referencePath } from './api-reference.ts';

test('docs/api.md says what the route table says', () => {
  expect(readFileSync(referencePath, 'utf8') === apiReference(), 'run: bun scripts/api-reference.ts').toBe(
    true,
  );
});
