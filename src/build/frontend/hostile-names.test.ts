import { expect, test } from 'bun:test';
import { PaperBuilder } from '../testing/paper-builder.ts';

/** Names that every object of JavaScript has something under. */

test.each(['constructor', 'toString', '__proto__'])('an argument may be called %s', async (name) => {
  const paper = new PaperBuilder();
  const stage = `FROM scratch\nARG ${name}\nENV empty=$${name}\nARG ${name}=own\nENV own=$${name}`;
  const text = `ARG ${name}\n${stage}`;
  const variables = (given: Record<string, string>) =>
    paper.build(text, { args: given }).then((result) => paper.configOf(result).config?.Env?.slice(1));
  expect(await variables({})).toEqual(['empty=', 'own=own']);
  expect(await variables(Object.fromEntries([[name, 'given']]))).toEqual(['empty=given', 'own=given']);
});

test.each([
  'FROM constructor',
  'FROM scratch\nCOPY --from=constructor a b',
  'FROM scratch\nRUN --mount=from=constructor,target=/x true',
])('an image may be called constructor: %p', async (text) => {
  const paper = new PaperBuilder();
  await expect(paper.build(text)).rejects.toThrow('pull access denied for docker.io/library/constructor');
});
