import type { Network } from './contract.ts';
import type { NetworkRecord } from './store.ts';

/** A predefined network, as far as it is the same everywhere. */
export function describePredefined(record: NetworkRecord): Network {
  return {
    ...record,
    scope: 'local',
    internal: false,
    attachable: false,
    configOnly: false,
    configFrom: '',
    enableIPv4: true,
    enableIPv6: false,
    ownsInterface: false,
    options: {},
    labels: {},
    ipam: [],
    ipamOptions: null,
  };
}
