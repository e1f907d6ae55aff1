import type { Context } from '../base/context.ts';
import type { Launcher } from '../plan/contract.ts';
import { errno } from '../plan/errno.ts';
import { type Endpoint, networkSlots } from './contract.ts';
import { insideContainer, interfaceIndex, isOwnIndex, livePlan } from './endpoint-plan.ts';
import { protocol } from './netlink/constants.ts';
import { decodeLinks, deleteLink, dumpLinks, type Link } from './netlink/links.ts';
import { netlinkOperation } from './netlink/message.ts';
import { decodeNamespaceId, getNamespaceId } from './netlink/namespaces.ts';

const kinds = new Set(['veth', 'macvlan', 'ipvlan']);

/** See `Networks.mend`. Interfaces are known by their index, which outlasts what a container's own programs call them. */
export async function mendInterfaces(
  context: Context,
  launcher: Launcher,
  pid: number,
  endpoints: readonly Endpoint[],
): Promise<readonly Endpoint[]> {
  const { links, host } = await inspectContainer(context, launcher, pid);
  const wanted = new Set(endpoints.map(({ interfaceName }) => interfaceIndex(interfaceName)));
  const stray = links.filter((link) => isMade(link, host) && !wanted.has(link.index));
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

/**
 * Whether an interface was made for an endpoint. Those that an engine in the container makes may come to the same indexes, but lead from there
 * to containers of its own, not to the host; one that the host's administrator put in has its index from the kernel, not from its name.
 */
function isMade({ index, name, kind, linkNamespace }: Link, host: number | undefined): boolean {
  const leadsToHost = linkNamespace !== undefined && linkNamespace === host;
  return isOwnIndex(index) && index === interfaceIndex(name) && kinds.has(kind) && leadsToHost;
}

/** A container's interfaces, and the number that its namespace has for the host's: listing those that lead there gives it one. */
async function inspectContainer(
  context: Context,
  launcher: Launcher,
  pid: number,
): Promise<{ readonly links: readonly Link[]; readonly host: number | undefined }> {
  const questions = [dumpLinks(), getNamespaceId({ slot: networkSlots.host })];
  const asked = questions.map((message) => netlinkOperation(protocol.route, [message]));
  const results = await launcher.run(context, livePlan(pid, insideContainer(asked)));
  const [links = new Uint8Array(), host = new Uint8Array()] = [...results.values()];
  return { links: decodeLinks(links), host: decodeNamespaceId(host) };
}
