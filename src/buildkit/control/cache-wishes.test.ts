import { describe, expect, test } from 'bun:test';
import { codeOf } from '../../base/errors.ts';
import type { ClientSession } from '../sessions.ts';
import { type CacheEntries, cacheWishes } from './cache-wishes.ts';
import type { FrontendAttributes } from './frontend-options.ts';

function wishes(entries: Partial<CacheEntries>, attributes: FrontendAttributes = {}, methods: string[] = []) {
  const session = { methods: new Set(methods) } as unknown as ClientSession;
  return cacheWishes({ imports: [], exports: [], ...entries }, attributes, session, () => {});
}

const registry = (ref: string) => ({ type: 'registry', attributes: { ref } });
const content = ['/containerd.services.content.v1.content/info'];

describe('the caches of a build', () => {
  test('are those of the request and those that the front end is told of, each once', () => {
    const attributes = {
      'cache-from': 'b,c',
      'cache-imports': JSON.stringify([{ Type: 'registry', Attrs: { ref: 'a' } }, { Type: 'registry' }]),
    };
    const { cacheImports, cacheExports } = wishes({ imports: [registry('a')] }, attributes);
    const named = [registry('a'), registry('b'), registry('c'), { type: 'registry', attributes: {} }];
    expect(cacheImports).toEqual(named.map((one) => ({ ...one, directory: undefined })));
    expect(cacheExports).toEqual([]);
  });

  test("are in the client's directories where they are local", () => {
    const local = { type: 'local', attributes: { src: '/in', dest: '/out' } };
    const { cacheImports, cacheExports } = wishes({ imports: [local], exports: [local] }, {}, content);
    expect(cacheImports[0]?.directory).toBeDefined();
    expect(cacheExports[0]?.directory).toBeDefined();
    expect(() => wishes({ imports: [local] })).toThrow('offers no directory for a local cache');
    expect(wishes({ exports: [{ type: 'local' }] }).cacheExports[0]?.directory).toBeUndefined();
  });

  test.each(['{}', '[', 'null'])('cannot be %s', (text) => {
    let code = '';
    try {
      wishes({}, { 'cache-imports': text });
    } catch (error) {
      code = codeOf(error);
    }
    expect(code).toBe('invalid-argument');
  });
});
