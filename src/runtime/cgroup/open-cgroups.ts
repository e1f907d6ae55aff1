import type { Cgroups } from './contract.ts';
import type { CgroupLayout } from './layout.ts';
import { CgroupsV1 } from './v1.ts';
import { CgroupsV2 } from './v2.ts';

export function openCgroups(layout: CgroupLayout): Cgroups {
  return layout.version === 1
    ? new CgroupsV1(layout.hierarchies)
    : new CgroupsV2(layout.mountpoint, layout.controllers);
}
