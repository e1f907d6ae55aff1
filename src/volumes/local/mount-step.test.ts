import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { MOUNT_ATTR_NOSUID, MOUNT_ATTR_RDONLY } from '../../plan/constants.ts';
import { PlanError } from '../../plan/plan-error.ts';
import { withAddress } from './address.ts';
import { explainMount, localMountStep } from './mount-step.ts';
import { parseLocalOptions } from './options.ts';

describe('options of the local driver', () => {
  test.each([
    ['10M', 10 << 20],
    ['1.5k', 1536],
    ['2 GiB', 2 * 1024 ** 3],
    ['7', 7],
    ['0', 0],
  ])('know the size %s', (size, bytes) => {
    expect(parseLocalOptions('v', { size })).toEqual({ mount: undefined, size: bytes });
  });

  test('are read or refused, whatever they are', () => {
    const text = fc.string({ maxLength: 12 });
    const options = fc.record({ type: text, device: text, o: text, size: text }, { requiredKeys: [] });
    fc.assert(
      fc.property(options, (some) => {
        try {
          const { size } = parseLocalOptions('v', some);
          expect(Number.isSafeInteger(size) && size >= 0).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ code: 'invalid-argument' });
        }
      }),
    );
  });
});

describe('the mount of a local volume', () => {
  test('is a new filesystem with its options, read-only also on its device', () => {
    const mount = { type: 'ext4', device: '/dev/x', options: 'ro,nosuid,data=ordered' };
    expect(localMountStep(mount, '/v')).toMatchObject({
      ...{ op: 'mount', fstype: 'ext4', source: '/dev/x', path: '/v' },
      ...{ attributes: MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, options: ['data=ordered', 'ro'] },
    });
  });

  test.each([
    ['bind', 0],
    ['rbind', 1],
  ])('is a bind with %s, whatever the type', (option, recursive) => {
    const mount = { type: 'none', device: '/d', options: `${option},ro` };
    const step = { op: 'bind', sourcePath: '/d', path: '/v', recursive, set: MOUNT_ATTR_RDONLY };
    expect(localMountStep(mount, '/v')).toMatchObject(step);
  });

  test('that fails is told in mount(2)’s terms, without passwords', () => {
    const failure = {
      stage: 'before',
      operation: 'mount',
      index: 0,
      errno: 13,
      subject: '',
      detail: '',
    } as const;
    const mount = { type: 'cifs', device: '//h/s', options: 'nosuid,username=u,password=secret' };
    const error = explainMount(new PlanError(failure), mount, '/v');
    expect(error).toMatchObject({
      message:
        'failed to mount local volume: mount //h/s:/v, flags: 0x2, data: username=u,password=********: permission denied',
    });
  });
});

describe('servers of network filesystems', () => {
  test.each([
    [{ type: 'nfs', device: ':/x', options: 'addr=localhost,rw' }, ':/x', /^addr=(127\.0\.0\.1|::1),rw$/],
    [{ type: 'nfs', device: ':/x', options: 'addr=10.0.0.1,rw' }, ':/x', /^addr=10\.0\.0\.1,rw$/],
    [
      { type: 'cifs', device: '//localhost/s a', options: 'user=u' },
      /^\/\/(127\.0\.0\.1|::1)\/s a$/,
      /^user=u$/,
    ],
    [{ type: 'cifs', device: '//10.0.0.1/s', options: '' }, '//10.0.0.1/s', /^$/],
    [{ type: 'ext4', device: '/dev/x', options: 'addr=localhost' }, '/dev/x', /^addr=localhost$/],
  ])('are looked up: %p', async (mount, device, options) => {
    const found = await withAddress(mount);
    expect(found.device).toMatch(device);
    expect(found.options).toMatch(options);
  });
});
