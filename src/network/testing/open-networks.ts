import { join } from 'node:path';
import { openDatabase } from '../../base/database.ts';
import { silentLogger } from '../../base/log.ts';
import type { Networks } from '../contract.ts';
import { createNetworks } from '../networks.ts';
import type { NetworksOptions } from '../options.ts';
import { networkSchema } from '../schema.ts';
import type { TestNamespace } from './namespaces.ts';

/** Networks as a daemon in the namespace would have them, by default with rows of their own. Not started. */
export function networksOn(host: TestNamespace, overrides: Partial<NetworksOptions> = {}): Networks {
  return createNetworks({
    launcher: host.launcher,
    database: openDatabase(':memory:', [networkSchema]),
    events: { publish() {} },
    log: silentLogger,
    bridge: 'sampan0',
    bip: '',
    mtu: 1500,
    icc: true,
    ipForward: true,
    ipMasquerade: true,
    userlandRelay: true,
    defaultBindAddress: '',
    hostGateway: '',
    namesDirectory: join(host.directory, 'names'),
    ...overrides,
  });
}
