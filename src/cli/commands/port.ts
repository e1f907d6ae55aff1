import type { Client } from '../../client/client.ts';
import { containerPorts, inspectContainer } from '../../client/containers.ts';
import type { ReachedPort } from '../../wire/network-types.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { flag } from '../flag.ts';
import { bool, cut } from '../flag-types.ts';
import { type Listing, renderListing } from '../format/listing.ts';
import { compareNaturally } from '../format/natural-order.ts';
import { joinHostPort } from '../format/ports.ts';

export const command = defineCommand({
  flags: {
    verbose: flag(bool(), 'v', "Say whether other hosts get to each port past the host's firewall"),
  },
  args: { atLeast: 1, atMost: 2 },
  async run({ args, options: { verbose }, session }) {
    const [container = '', wanted] = args;
    if (verbose) {
      session.io.out(await reachOf(await session.client(), container, wanted));
      return;
    }
    const { NetworkSettings } = await inspectContainer(await session.client(), container);
    const ports = NetworkSettings.Ports ?? {};
    const lines: string[] = [];
    if (wanted !== undefined) {
      const [number, protocol] = cut(wanted, '/');
      checkPort(number);
      const bindings = ports[`${number}/${protocol || 'tcp'}`] ?? [];
      if (bindings.length === 0) {
        throw new CommandError(`Error: No public port '${wanted}' published for ${container}`);
      }
      for (const { HostIp, HostPort } of bindings) lines.push(joinHostPort(HostIp, HostPort));
    } else {
      for (const [port, bindings] of Object.entries(ports)) {
        for (const { HostIp, HostPort } of bindings ?? []) {
          lines.push(`${port} -> ${joinHostPort(HostIp, HostPort)}`);
        }
      }
    }
    for (const line of lines.sort(compareNaturally)) session.io.out(`${line}\n`);
  },
});

/** Rows for one port of the container, or for all. */
async function reachOf(client: Client, container: string, wanted: string | undefined): Promise<string> {
  const ports = await containerPorts(client, container);
  if (wanted === undefined) return renderListing(portListing, ports, { table });
  const [number, protocol] = cut(wanted, '/');
  checkPort(number);
  const chosen = ports.filter(
    ({ PrivatePort, Type }) => PrivatePort === Number(number) && Type === (protocol || 'tcp'),
  );
  if (chosen.length > 0) return renderListing(portListing, chosen, { table });
  throw new CommandError(`Error: No public port '${wanted}' published for ${container}`);
}

const table = ['Port', 'Address', 'Reach'];

const portListing: Listing<ReachedPort> = {
  typeName: '*formatter.portContext',
  headings: { Port: 'PORT', Address: 'PUBLISHED AT', Reach: 'FROM OTHER HOSTS' },
  columns: {
    Port: ({ PrivatePort, Type }) => `${PrivatePort}/${Type}`,
    Address: ({ IP, PublicPort }) =>
      PublicPort === 0 ? "the container's address" : joinHostPort(IP, String(PublicPort)),
    Reach: ({ Reach, DeniedBy }) => reachText(Reach, DeniedBy),
  },
};

function reachText(reach: string, deniedBy: string): string {
  switch (reach) {
    case 'denied':
      return `denied by ${deniedBy}`;
    case 'limited':
      return `some: limited by ${deniedBy}`;
    case 'local':
      return deniedBy === '' ? 'no: this host alone' : `no: ${deniedBy}`;
    case 'unknown':
      return `not known: ${deniedBy}`;
    default:
      return reach;
  }
}

function checkPort(text: string): void {
  const quoted = JSON.stringify(text);
  if (!/^\d+$/.test(text)) {
    throw new CommandError(
      `Error: invalid port (${text}): strconv.ParseUint: parsing ${quoted}: invalid syntax`,
    );
  }
  if (Number(text) > 65535) {
    throw new CommandError(
      `Error: invalid port (${text}): strconv.ParseUint: parsing ${quoted}: value out of range`,
    );
  }
}
