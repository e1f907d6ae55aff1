import { inspectContainer } from '../../client/containers.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { cut } from '../flag-types.ts';
import { compareNaturally } from '../format/natural-order.ts';
import { joinHostPort } from '../format/ports.ts';

export const command = defineCommand({
  flags: {},
  args: { atLeast: 1, atMost: 2 },
  async run({ args, session }) {
    const [container = '', wanted] = args;
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
