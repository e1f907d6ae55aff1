import { describe, expect, test } from 'bun:test';
import { parseRegistryAuth } from './registry-auth.ts';

const nothing = { username: '', password: '', identityToken: '', registryToken: '' };
const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('parseRegistryAuth', () => {
  test.each([
    [
      { username: 'u', password: 'p' },
      { username: 'u', password: 'p' },
    ],
    [{ auth: btoa('u:p:q') }, { username: 'u', password: 'p:q' }],
    [
      { identitytoken: 'i', username: 'u' },
      { username: 'u', identityToken: 'i' },
    ],
    [{ registrytoken: 'r' }, { registryToken: 'r' }],
    [{ username: 1, password: {} }, {}],
  ])('reads %p', (value, expected) => {
    expect(parseRegistryAuth(encoded(value))).toEqual({ ...nothing, ...expected });
  });

  test('reads padded base64 too', () => {
    expect(parseRegistryAuth(btoa('{"username":"u?~>"}'))?.username).toBe('u?~>');
  });

  test.each([undefined, '', '!!', 'bm8=', 'W10'])('takes %p for nobody', (header) => {
    expect(parseRegistryAuth(header)).toBeUndefined();
  });
});
