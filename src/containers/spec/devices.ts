import { SampanError } from '../../base/errors.ts';
import { ALL_DEVICES_RULE, DEFAULT_DEVICE_RULES } from '../../oci/defaults.ts';
import type { SpecDevice, SpecDeviceRule } from '../../oci/runtime-spec.ts';
import type { HostConfig } from '../../wire/container-config.ts';
import { devicesAt, hostDevices } from './device-nodes.ts';
import { parseDeviceRule } from './device-rules.ts';

export interface Devices {
  readonly nodes: readonly SpecDevice[];
  /** For the device cgroup, later ones winning. */
  readonly rules: readonly SpecDeviceRule[];
}

type Wishes = Pick<HostConfig, 'Privileged' | 'Devices' | 'DeviceCgroupRules' | 'DeviceRequests'>;

/** Nodes besides those that every container has, and what may be opened. Fails in Docker's words. */
export function buildDevices(wishes: Wishes): Devices {
  refuseRequests(wishes.DeviceRequests);
  const mappings = wishes.Devices ?? [];
  if (wishes.Privileged) {
    const moved = mappings.filter((mapping) => mapping.PathOnHost !== mapping.PathInContainer);
    const nodes = moved.flatMap((mapping) => devicesAt(mapping.PathOnHost, mapping.PathInContainer));
    return { nodes: [...hostDevices(), ...nodes], rules: [ALL_DEVICES_RULE] };
  }
  const nodes: SpecDevice[] = [];
  const rules = [...DEFAULT_DEVICE_RULES];
  for (const mapping of mappings) {
    for (const node of devicesAt(mapping.PathOnHost, mapping.PathInContainer || mapping.PathOnHost)) {
      nodes.push(node);
      rules.push(ruleFor(node, mapping.CgroupPermissions || 'rwm'));
    }
  }
  rules.push(...(wishes.DeviceCgroupRules ?? []).map(parseDeviceRule));
  return { nodes, rules };
}

function ruleFor({ type, major, minor }: SpecDevice, access: string): SpecDeviceRule {
  return { allow: true, type: type === 'b' ? 'b' : 'c', major, minor, access };
}

function refuseRequests(requests: HostConfig['DeviceRequests']): void {
  const request = requests?.[0];
  if (request === undefined) return;
  const capabilities = (request.Capabilities ?? []).map((set) => `[${(set ?? []).join(' ')}]`).join(' ');
  throw new SampanError(
    'internal',
    `could not select device driver "${request.Driver}" with capabilities: [${capabilities}]`,
  );
}
