import type { Context } from '../base/context.ts';
import type { Launcher } from '../plan/contract.ts';
import type { Operation, Plan } from '../plan/operations.ts';
import type { Endpoint, PortChange, PortChangeRequest, PublishedPort } from './contract.ts';
import { bindPorts, clearSteps, firewallPortsOf, publishSteps, withdrawSteps } from './endpoint-plan.ts';
import type { FirewallPorts } from './firewall.ts';
import { formatIp } from './ip.ts';
import type { LiveNetwork } from './live-network.ts';
import type { PortAllocator } from './ports.ts';

export interface PortChangeHost {
  /** Of the firewall. */
  readonly table: string;
  readonly ports: PortAllocator;
  readonly launcher: Launcher;
  readonly find: (networkId: string) => LiveNetwork | undefined;
  /** The firewall is about to get ports of an endpoint, whose container may have ended by then. */
  readonly touch: (endpoint: Endpoint) => void;
}

/** See `Networks.planPorts`. Synchronous, so that no port is given twice. */
export function planPortChange(host: PortChangeHost, request: PortChangeRequest): PortChange {
  const { from, to } = request;
  const same = from !== undefined && from.endpointId === to?.endpointId;
  const target = to === undefined ? undefined : { ...to, ports: allocate(host, request) };
  const left = from === undefined || same ? target : { ...from, ports: [] };
  const change = { before: firewallOf(from), after: firewallOf(target) };
  const show = (...endpoints: readonly (Endpoint | undefined)[]): void => {
    for (const endpoint of endpoints) {
      if (endpoint === undefined) continue;
      host.find(endpoint.networkId)?.replace(endpoint);
      host.touch(endpoint);
    }
  };
  return {
    from: left,
    to: target,
    plans: relayPlans(host.table, from, target),
    planBefore: relayPlan(host.table, from),
    async apply(context) {
      // First: whoever puts a flushed firewall back finds what is to be in it here.
      show(left, target);
      try {
        await applyFirewall(host, context, change);
      } catch (error) {
        show(from, to);
        throw error;
      }
    },
    async revert(context) {
      show(from, to);
      await applyFirewall(host, context, { before: change.after, after: change.before });
    },
    commit() {
      if (from !== undefined) host.ports.release(from.endpointId, from.ports);
      if (target === undefined) return;
      host.ports.release(target.endpointId, target.ports);
      host.ports.restore(target.endpointId, bound(target.ports));
    },
    cancel() {
      if (target !== undefined) host.ports.release(target.endpointId, target.ports);
      if (from !== undefined) {
        host.ports.release(from.endpointId, from.ports);
        host.ports.restore(from.endpointId, bound(from.ports));
      }
    },
  };
}

/** The new ports are held beside the old ones, until it is clear which of them it will be. */
function allocate(
  host: PortChangeHost,
  { from, to, ports, without = [] }: PortChangeRequest,
): Endpoint['ports'] {
  const network = to === undefined ? undefined : host.find(to.networkId);
  if (to === undefined || network === undefined) return [];
  const held = from?.ports ?? [];
  if (from !== undefined) host.ports.release(from.endpointId, held);
  try {
    return network.allocatePorts(to, ports, notAmong(held, without, socketOf));
  } finally {
    if (from !== undefined) host.ports.restore(from.endpointId, bound(held));
  }
}

/** Those that hold a port of the host. */
function bound(ports: readonly PublishedPort[]): readonly PublishedPort[] {
  return ports.filter(({ hostPort }) => hostPort !== 0);
}

/** What a supervisor is told of an endpoint's ports. */
export function relayPlan(table: string, endpoint: Endpoint | undefined): Partial<Plan> {
  if (endpoint === undefined) return {};
  return { before: bindPorts(endpoint), after: clearSteps(endpoint, table) };
}

function relayPlans(table: string, from: Endpoint | undefined, to: Endpoint | undefined): Partial<Plan>[] {
  const plan = relayPlan(table, to);
  if (from === undefined || to === undefined) return [plan];
  const coming = notAmong(bound(to.ports), from.ports, socketOf);
  const going = notAmong(bound(from.ports), to.ports, socketOf);
  if (notAmong(coming, going, portOf).length === coming.length) return [plan];
  const staying = notAmong(to.ports, coming, socketOf);
  return [relayPlan(table, { ...to, ports: staying }), plan];
}

function portOf({ protocol, hostPort }: PublishedPort): string {
  return `${protocol}/${hostPort}`;
}

function socketOf(port: PublishedPort): string {
  return `${portOf(port)}/${port.hostAddress}`;
}

const nothing: FirewallPorts = { translations: [], open: [] };

function firewallOf(endpoint: Endpoint | undefined): FirewallPorts {
  return endpoint === undefined ? nothing : firewallPortsOf(endpoint);
}

interface FirewallChange {
  readonly before: FirewallPorts;
  readonly after: FirewallPorts;
}

/** What stays is not touched: packets for it must not find it missing. */
async function applyFirewall(
  { table, launcher }: PortChangeHost,
  context: Context,
  { before, after }: FirewallChange,
): Promise<void> {
  const going = difference(before, after);
  const coming = difference(after, before);
  const steps = [...withdrawSteps(going, table), ...publishSteps(coming, table)];
  if (steps.length === 0) return;
  try {
    await launcher.run(context, { before: steps });
  } catch (error) {
    await launcher.run(context, { before: backSteps(going, coming, table) });
    throw error;
  }
}

function backSteps(going: FirewallPorts, coming: FirewallPorts, table: string): readonly Operation[] {
  return [...withdrawSteps(coming, table), ...publishSteps(going, table)];
}

/** What is in `a` and not just so in `b`. */
function difference(a: FirewallPorts, b: FirewallPorts): FirewallPorts {
  return {
    translations: notAmong(a.translations, b.translations, (one) =>
      [one.protocol, textOf(one.hostAddress), one.hostPort, textOf(one.address), one.port].join(),
    ),
    open: notAmong(a.open, b.open, (one) => [one.protocol, textOf(one.address), one.port].join()),
  };
}

function notAmong<T>(items: readonly T[], others: readonly T[], keyOf: (item: T) => string): readonly T[] {
  const known = new Set(others.map(keyOf));
  return items.filter((item) => !known.has(keyOf(item)));
}

function textOf(address: Parameters<typeof formatIp>[0] | undefined): string {
  return address === undefined ? '*' : formatIp(address);
}
