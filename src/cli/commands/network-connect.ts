import { connectNetwork } from '../../client/networks.ts';
import { defineCommand } from '../command.ts';
import { checkLink } from '../container/checks.ts';
import { flag } from '../flag.ts';
import { cut, integer, list, strings, text } from '../flag-types.ts';

export const command = defineCommand({
  flags: {
    alias: flag(strings, '', 'Further names of the container in this network'),
    'driver-opt': flag(strings, '', "Options of the network's driver"),
    'gw-priority': flag(integer(), '', 'The network with the highest one has the default gateway'),
    ip: flag(text(), '', 'IPv4 address (such as 172.30.100.104)'),
    ip6: flag(text(), '', 'IPv6 address (such as 2001:db8::33)'),
    link: flag(list(checkLink), '', 'Call another container by a name of its own'),
    'link-local-ip': flag(strings, '', 'Add link-local addresses'),
  },
  args: { exactly: 2 },
  async run({ args: [network = '', container = ''], options, session }) {
    const linkLocal = options['link-local-ip'];
    await connectNetwork(await session.client(), network, {
      Container: container,
      EndpointConfig: {
        IPAMConfig: {
          ...(options.ip === '' ? {} : { IPv4Address: options.ip }),
          ...(options.ip6 === '' ? {} : { IPv6Address: options.ip6 }),
          ...(linkLocal.length === 0 ? {} : { LinkLocalIPs: [...linkLocal] }),
        },
        Links: options.link.length === 0 ? null : [...options.link],
        Aliases: [...options.alias],
        MacAddress: '',
        DriverOpts: driverOptions(options['driver-opt']),
        GwPriority: options['gw-priority'],
        ...{ NetworkID: '', EndpointID: '', Gateway: '', IPAddress: '', IPPrefixLen: 0 },
        ...{ IPv6Gateway: '', GlobalIPv6Address: '', GlobalIPv6PrefixLen: 0, DNSNames: null },
      },
    });
  },
});

function driverOptions(settings: readonly string[]): Record<string, string> {
  const entries = settings.map((setting) => {
    const [key, value] = cut(setting, '=').map((part) => part.trim());
    if (!setting.includes('=') || key === '' || key === undefined) {
      throw new Error('invalid key/value pair format in driver options');
    }
    return [key, value];
  });
  return Object.fromEntries(entries);
}
