import { createNetwork } from '../../client/networks.ts';
import { defineCommand } from '../command.ts';
import { checkLabel } from '../container/checks.ts';
import { flag } from '../flag.ts';
import { bool, cut, list, map, strings, text } from '../flag-types.ts';
import { poolsOf } from '../network-pools.ts';

export const command = defineCommand({
  flags: {
    attachable: flag(bool(), '', 'Let containers be connected by hand'),
    'aux-address': flag(map(), '', 'Addresses that others have, so that no container gets them'),
    'config-from': flag(text(), '', 'Network whose configuration is to be copied'),
    'config-only': flag(bool(), '', 'Make a configuration for other networks only'),
    driver: flag(text('bridge'), 'd', 'Driver of the network'),
    gateway: flag(strings, '', "IPv4 or IPv6 address of a subnet's gateway"),
    ingress: flag(bool(), '', "Make a swarm's routing mesh"),
    internal: flag(bool(), '', 'Let nothing in or out'),
    'ip-range': flag(strings, '', 'Part of a subnet to take addresses from'),
    'ipam-driver': flag(text('default'), '', 'Driver that manages addresses'),
    'ipam-opt': flag(map(), '', 'Options of the driver that manages addresses'),
    ipv4: flag(bool(true), '', 'Assign IPv4 addresses'),
    ipv6: flag(bool(), '', 'Assign IPv6 addresses'),
    label: flag(list(checkLabel), '', 'Set labels'),
    opt: flag(map(), 'o', 'Options of the driver'),
    scope: flag(text(), '', 'How far the network reaches'),
    subnet: flag(strings, '', 'Subnet with its prefix length'),
  },
  args: { exactly: 1 },
  async run({ args: [name = ''], options, changed, session }) {
    const pools = poolsOf(options);
    const from = options['config-from'];
    const { Id } = await createNetwork(await session.client(), {
      Name: name,
      Driver: options.driver,
      Scope: options.scope,
      ...(changed('ipv4') ? { EnableIPv4: options.ipv4 } : {}),
      ...(changed('ipv6') ? { EnableIPv6: options.ipv6 } : {}),
      IPAM: { Driver: options['ipam-driver'], Options: { ...options['ipam-opt'] }, Config: pools },
      Internal: options.internal,
      Attachable: options.attachable,
      Ingress: options.ingress,
      ConfigOnly: options['config-only'],
      ConfigFrom: from === '' ? null : { Network: from },
      Options: { ...options.opt },
      Labels: Object.fromEntries(options.label.map((label) => cut(label, '='))),
    });
    session.io.out(`${Id}\n`);
  },
});
