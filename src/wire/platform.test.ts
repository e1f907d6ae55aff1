import { expect, test } from 'bun:test';
import { decodePlatform } from './platform.ts';

test('a platform in JSON is decoded', () => {
  expect(decodePlatform('{"os":"linux","architecture":"arm","variant":"v7"}')).toEqual({
    os: 'linux',
    architecture: 'arm',
    variant: 'v7',
  });
});

test.each(['', 'linux/amd64', '{}', '{"os":"linux"}', '{"os":5}', '[]'])('%p is refused', (text) => {
  expect(() => decodePlatform(text)).toThrow();
});
