import { describe, expect, test } from 'bun:test';
import { formatPlatform, hostPlatform, parsePlatform, platformFit } from './platform.ts';

describe('parsePlatform', () => {
  test.each([
    ['linux/amd64', 'linux/amd64'],
    ['linux/x86_64', 'linux/amd64'],
    ['linux/arm64/v8', 'linux/arm64'],
    ['linux/arm', 'linux/arm/v7'],
    ['linux/arm/6', 'linux/arm/v6'],
    ['aarch64', 'linux/arm64'],
  ])('%s is %s', (text, expected) => expect(formatPlatform(parsePlatform(text))).toBe(expected));

  test('an operating system alone keeps the host architecture', () => {
    expect(parsePlatform('linux')).toEqual(hostPlatform());
  });

  test.each(['', 'linux/', 'lin ux/amd64'])('%p is refused', (text) => {
    expect(() => parsePlatform(text)).toThrow(`is an invalid component of "${text}"`);
  });

  test('more than three components are refused', () => {
    expect(() => parsePlatform('a/b/c/d')).toThrow('"a/b/c/d": cannot parse platform specifier');
  });
});

describe('platformFit', () => {
  const arm7 = parsePlatform('linux/arm/v7');
  test('prefers the exact variant to an older one', () => {
    expect(platformFit(arm7, arm7)).toBeGreaterThan(platformFit(arm7, parsePlatform('linux/arm/v6')));
  });
  test('refuses a newer variant and another architecture', () => {
    expect(platformFit(parsePlatform('linux/arm/v6'), arm7)).toBe(0);
    expect(platformFit(arm7, parsePlatform('linux/amd64'))).toBe(0);
  });
});
