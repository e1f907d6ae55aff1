import { expect, test } from 'bun:test';
import { digestOf } from '../../oci/digest.ts';
import { Operation } from '../protobuf/definition-messages.ts';
import type { Value } from '../protobuf/message.ts';
import { remoteOf } from './remote-definition.ts';
import { referenceIn, resultDefinition } from './result-definition.ts';

function definition(...operations: Partial<Value<typeof Operation>>[]): { operations: Buffer[] } {
  const encoded = operations.map((operation) => Operation.encode(operation));
  const end = Operation.encode({ inputs: [{ digest: digestOf(encoded.at(-1) ?? '') }] });
  return { operations: [...encoded, end] };
}

const git = (identifier: string, full = '') => ({
  source: { identifier, attributes: full === '' ? {} : { 'git.fullurl': full } },
});
const copy = (source: string, more: object = {}) => ({
  inputs: [{ digest: 'sha256:0' }],
  file: { actions: [{ copy: { source, destination: '/', ...more } }] },
});

test.each([
  [definition(git('git://h/r.git#main')), 'https://h/r.git#main'],
  [definition(git('git://h/r#v1:a', 'git@h:r')), 'git@h:r#v1:a'],
  [definition(git('git://h/r#:a', 'ssh://h/r'), copy('./b/c')), 'ssh://h/r#:a/b/c'],
  [definition({ source: { identifier: 'https://h/f', attributes: {} } }), 'https://h/f'],
  [
    definition(
      { source: { identifier: 'https://h/f', attributes: {} } },
      copy('context', { attemptUnpack: true }),
    ),
    'https://h/f',
  ],
])('a definition of remote files is their address, case %#', (given, address) => {
  expect(remoteOf(given)).toBe(address);
});

test.each([
  [{}],
  [definition({ source: { identifier: 'docker-image://busybox', attributes: {} } })],
  [definition(git('git://h/r'), git('git://h/other'))],
  [definition(git('git://h/r'), copy('a'), copy('b'))],
  [definition(git('git://h/r'), copy('a', { destination: '/elsewhere' }))],
  [definition(git('git://h/r'), { inputs: [{ digest: 'a' }, { digest: 'b' }] })],
  [definition({ source: { identifier: 'https://h/f', attributes: {} } }, copy('context'))],
])('any other definition is refused, case %#', (given) => {
  expect(() => remoteOf(given)).toThrow('only Dockerfiles are');
});

test("a build's result comes back as what it was handed out as", () => {
  const given = { build: 'a/b:c', image: 3 };
  expect(referenceIn(resultDefinition(given))).toEqual(given);
  expect(referenceIn(definition(git('git://h/r')))).toBeUndefined();
  expect(() => referenceIn({ operations: [Buffer.from([255])] })).toThrow('malformed');
});
