import type { Context } from '../base/context.ts';
import type { Launcher } from '../plan/contract.ts';
import { errno } from '../plan/errno.ts';
import type { Endpoint } from './contract.ts';
import { insideContainer, interfaceIndex, isOwnIndex, livePlan } from './endpoint-plan.ts';
import { protocol } from './netlink/constants.ts';
import { decodeLink, deleteLink, dumpLinks, type Link } from './netlink/links.ts';
import { netlinkOperation } from './netlink/message.ts';
import { readMessages } from './netlink/reader.ts';

const kinds = new Set(['veth', 'macvlan', 'ipvlan']);

/** See `Networks.mend`. Interfaces are known by their index, which outlasts what a container's own programs call them. */
export async function mendInterfaces(
  context: Context,
  launcher: Launcher,
  pid: number,
  endpoints: readonly Endpoint[],
): Promise<readonly Endpoint[]> {
  const links = await listInterfaces(context, launcher, pid);
  const wanted = new Set(endpoints.map(({ interfaceName }) => interfaceIndex(interfaceName)));
  const stray = links.filter(({ index, kind }) => isOwnIndex(index) && kinds.has(kind) && !wanted.has(index));
  if (stray.length > 0) {
    const steps = stray.map(({ name }) =>
      netlinkOperation(protocol.route, [deleteLink(name)], [errno.ENODEV]),
    );
    await launcher.run(context, livePlan(pid, insideContainer(steps)));
  }
  return endpoints.filter(
    ({ interfaceName }) =>
      interfaceName !== '' && !links.some(({ index }) => index === interfaceIndex(interfaceName)),
  );
}

async function listInterfaces(context: Context, launcher: Launcher, pid: number): Promise<readonly Link[]> {
  const dump = netlinkOperation(protocol.route, [dumpLinks()]);
  const results = await launcher.run(context, livePlan(pid, insideContainer([dump])));
  return [...results.values()].flatMap((bytes) =>
    [...readMessages(bytes)].flatMap((message) => decodeLink(message) ?? []),
  );
}
