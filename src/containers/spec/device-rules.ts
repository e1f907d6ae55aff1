import { invalid } from '../../base/errors.ts';
import type { SpecDeviceRule } from '../../oci/runtime-spec.ts';

const pattern = /^([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})$/;

/** `--device-cgroup-rule`, e.g. "c 42:* rmw". Fails with `invalid-argument`. */
export function parseDeviceRule(text: string): SpecDeviceRule {
  const match = pattern.exec(text);
  const [, type, major = '*', minor = '*', access = ''] = match ?? [];
  if (type !== 'a' && type !== 'b' && type !== 'c') {
    throw invalid(`invalid device cgroup rule format: '${text}'`);
  }
  return {
    allow: true,
    type,
    ...(major === '*' ? {} : { major: Number(major) }),
    ...(minor === '*' ? {} : { minor: Number(minor) }),
    access,
  };
}
