import type { Cgroups } from './contract.ts';
import { type CgroupLayout, detectLayout } from './layout.ts';
import { CgroupsV1 } from './v1.ts';
import { CgroupsV2 } from './v2.ts';

/** The host's control groups. Fails with `unavailable` when it has none. */
export function openCgroups(layout: CgroupLayout = detectLayout()): Cgroups {
  return layout.version === 1 ? new CgroupsV1(layout.hierarchies) : new CgroupsV2(layout.mountpoint);
}
