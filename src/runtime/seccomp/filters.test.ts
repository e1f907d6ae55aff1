import { describe, expect, test } from 'bun:test';
import { defaultSeccompProfile } from '../../oci/seccomp-default.ts';
import { SeccompFilters } from './filters.ts';

describe('SeccompFilters', () => {
  const filters = new SeccompFilters('6.18.0');

  test('compiles equal profiles with equal capabilities once', () => {
    const first = filters.filterOf(defaultSeccompProfile, ['CAP_CHOWN', 'CAP_KILL']);
    expect(filters.filterOf(structuredClone(defaultSeccompProfile), ['CAP_KILL', 'CAP_CHOWN'])).toBe(first);
    expect(filters.filterOf(defaultSeccompProfile, ['CAP_SYS_ADMIN'])).not.toBe(first);
  });

  test('turns flags into bits, and has a default for none', () => {
    const flagsOf = (flags?: string[]): number =>
      filters.filterOf({ defaultAction: 'SCMP_ACT_ALLOW', ...(flags === undefined ? {} : { flags }) }, [])
        .flags;
    expect(flagsOf()).toBe(4);
    expect(flagsOf([])).toBe(0);
    expect(flagsOf(['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_TSYNC'])).toBe(3);
    expect(() => flagsOf(['SECCOMP_FILTER_FLAG_NONE'])).toThrow('unknown flag "SECCOMP_FILTER_FLAG_NONE"');
  });
});
