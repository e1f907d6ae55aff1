import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_STRICTATIME,
  MS_PRIVATE,
  MS_REC,
  MS_SHARED,
} from '../plan/constants.ts';
import { parseMountOptions } from './mount-options.ts';

describe('parseMountOptions', () => {
  test('parts attributes from what the filesystem takes', () => {
    const options = parseMountOptions(['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=64m', 'newinstance']);
    expect(options.set).toBe(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV);
    expect(options.data).toEqual(['mode=1777', 'size=64m', 'newinstance']);
    expect(options.bind).toBe('no');
  });

  test('lets the last of contradicting options win', () => {
    expect(parseMountOptions(['ro', 'rw'])).toMatchObject({ set: 0, clear: MOUNT_ATTR_RDONLY });
    expect(parseMountOptions(['rw', 'ro'])).toMatchObject({ set: MOUNT_ATTR_RDONLY, clear: 0 });
    expect(parseMountOptions(['noexec', 'exec']).set).toBe(0);
  });

  test('replaces one way of access times by another', () => {
    expect(parseMountOptions(['noatime', 'strictatime'])).toMatchObject({
      set: MOUNT_ATTR_STRICTATIME,
      clear: MOUNT_ATTR__ATIME,
    });
    expect(parseMountOptions(['noatime', 'relatime']).set).toBe(0);
    expect(parseMountOptions(['noatime']).set).toBe(MOUNT_ATTR_NOATIME);
  });

  test('keeps recursive attributes and propagation apart', () => {
    expect(parseMountOptions(['rbind', 'rro', 'rprivate'])).toEqual({
      bind: 'recursive',
      set: 0,
      clear: 0,
      recursiveSet: MOUNT_ATTR_RDONLY,
      recursiveClear: 0,
      propagation: MS_PRIVATE | MS_REC,
      data: [],
    });
    expect(parseMountOptions(['bind', 'shared'])).toMatchObject({ bind: 'plain', propagation: MS_SHARED });
  });

  test.each(['tmpcopyup', 'idmap'])('refuses %s', (option) => {
    expect(() => parseMountOptions([option])).toThrow(`mount option "${option}" is not supported`);
  });

  test('never asks for an attribute to be both on and off', () => {
    const words = [
      'ro',
      'rw',
      'nosuid',
      'suid',
      'nodev',
      'dev',
      'noexec',
      'exec',
      'nosymfollow',
      'symfollow',
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...words)), (options) => {
        const { set, clear } = parseMountOptions(options);
        expect(set & clear).toBe(0);
      }),
    );
  });
});
