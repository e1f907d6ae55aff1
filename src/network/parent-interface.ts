import type { Context } from '../base/context.ts';
import { internal, invalid } from '../base/errors.ts';
import type { Launcher } from '../plan/contract.ts';
import { errno } from '../plan/errno.ts';
import { PlanError } from '../plan/plan-error.ts';
import type { Network } from './contract.ts';
import { protocol } from './netlink/constants.ts';
import { decodeLink, getLink, type Link } from './netlink/links.ts';
import { type Message, netlinkOperation } from './netlink/message.ts';
import { readMessages } from './netlink/reader.ts';
import { createDummy, createPair, createVlan, raiseNamedLink } from './netlink/stacked-links.ts';

/** The interface that a macvlan or ipvlan network sits on. */
export interface ParentInterface {
  readonly index: number;
  /** Its name if the network made it and is to remove it; empty otherwise. */
  readonly made: string;
}

/**
 * Finds the parent, or makes it: a VLAN of an interface for "eth0.10", an interface that leads nowhere for none. Fails with
 * `invalid-argument` for a parent that is not there.
 */
export async function prepareParent(
  context: Context,
  launcher: Launcher,
  links: readonly Link[],
  network: Network,
  parent: string,
): Promise<ParentInterface> {
  const name = parent === '' ? ownParentName(network) : parent;
  const existing = links.find((link) => link.name === name);
  if (existing !== undefined) return { index: existing.index, made: network.ownsInterface ? name : '' };
  const made =
    parent === '' ? makeOwnParent(context, launcher, name) : makeVlan(context, launcher, links, parent);
  return { index: (await made).index, made: name };
}

/** Whether the network is to make its parent. */
export function makesParent(links: readonly Link[], parent: string): boolean {
  return parent === '' || !links.some(({ name }) => name === parent);
}

/** "dm-" or "di-" and the first twelve digits of the network's ID, as in Docker. */
function ownParentName({ driver, id }: Network): string {
  return `${driver === 'ipvlan' ? 'di' : 'dm'}-${id.slice(0, 12)}`;
}

/** A dummy; where the kernel has none, one end of a pair whose other end nobody uses. */
async function makeOwnParent(context: Context, launcher: Launcher, name: string): Promise<Link> {
  try {
    return await make(context, launcher, name, [createDummy(name)]);
  } catch (error) {
    if (!(error instanceof PlanError) || error.failure.errno !== errno.EOPNOTSUPP) throw error;
    const peer = name.replace('-', 'x');
    return make(context, launcher, name, [createPair(name, peer), raiseNamedLink(peer)]);
  }
}

function makeVlan(
  context: Context,
  launcher: Launcher,
  links: readonly Link[],
  parent: string,
): Promise<Link> {
  const [, below = '', digits = ''] = /^(.+)\.(\d{1,4})$/.exec(parent) ?? [];
  const id = Number(digits);
  if (below === '' || id < 1 || id > 4094) {
    throw invalid(`invalid subinterface vlan name ${parent}, example formatting is eth0.10`);
  }
  const link = links.find(({ name }) => name === below);
  if (link === undefined) {
    throw invalid(`failed to find master interface ${below} on the host: no such device`);
  }
  return make(context, launcher, parent, [createVlan(parent, link.index, id)]);
}

async function make(
  context: Context,
  launcher: Launcher,
  name: string,
  messages: readonly Message[],
): Promise<Link> {
  const before = [
    netlinkOperation(protocol.route, messages),
    netlinkOperation(protocol.route, [getLink(name)]),
  ];
  const results = await launcher.run(context, { before });
  const [message] = readMessages(results.get(1) ?? new Uint8Array());
  const link = message === undefined ? undefined : decodeLink(message);
  if (link === undefined) throw internal(`the kernel does not show interface ${name}`);
  return link;
}

/** Locally administered. */
export function randomMac(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(5));
  return ['02', ...Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'))].join(':');
}
