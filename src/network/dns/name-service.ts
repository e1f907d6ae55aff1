import type { Context } from '../../base/context.ts';
import type { Logger } from '../../base/log.ts';
import type { Launcher } from '../../plan/contract.ts';
import type { Plan } from '../../plan/operations.ts';
import {
  type DnsRequest,
  type Endpoint,
  type NameService,
  type Network,
  predefinedNetworks,
} from '../contract.ts';
import type { NamedEndpoint, NetworkNames } from '../names.ts';
import { dnsPlan, dnsSettings } from './container-dns.ts';
import type { NamesTable, NetworkName } from './names-file.ts';
import type { NamesFiles } from './names-files.ts';
import { redirectDnsOf } from './redirect.ts';
import { type DnsSettings, encodeDnsSettings } from './settings.ts';

export interface NameServiceOptions {
  readonly names: NetworkNames;
  readonly files: NamesFiles;
  readonly launcher: Launcher;
  readonly log: Logger;
  /** By ID; undefined for one that is no more. */
  network(id: string): Network | undefined;
}

/** Tells containers' DNS servers who is who: the files of names follow the table, the rest is said of each container by itself. */
export class LocalNameService implements NameService {
  readonly #options: NameServiceOptions;
  /** Networks whose files are to be written, all at once when this turn's work is done. */
  readonly #changed = new Set<string>();

  constructor(options: NameServiceOptions) {
    this.#options = options;
    options.names.onChange((networkId) => {
      if (this.#changed.size === 0) setImmediate(() => this.#write());
      this.#changed.add(networkId);
    });
  }

  serves(endpoints: readonly Endpoint[]): boolean {
    return endpoints.some(hasNames);
  }

  startPlan(request: DnsRequest): Partial<Plan> {
    return this.serves(request.endpoints) ? dnsPlan(this.#settings(request)) : {};
  }

  settings(request: DnsRequest): Uint8Array {
    return encodeDnsSettings(this.#settings(request));
  }

  async redirect(context: Context, pid: number, port: number): Promise<void> {
    await this.#options.launcher.run(context, redirectDnsOf(pid, port));
  }

  #settings({ endpoints, servers, dotlessStay }: DnsRequest): DnsSettings {
    const { files, network } = this.#options;
    return dnsSettings({
      networks: endpoints.filter(hasNames).map(({ networkId, networkName, links }) => {
        return { names: files.path(networkId), name: networkName, aliases: links };
      }),
      leadsOutside: endpoints.some(({ networkId }) => network(networkId)?.internal === false),
      ...{ servers, dotlessStay },
    });
  }

  #write(): void {
    const { names, files, log } = this.#options;
    for (const networkId of this.#changed) {
      const members = names.list(networkId);
      try {
        if (members.length === 0) files.remove(networkId);
        else files.write(networkId, tableOf(members));
      } catch (error) {
        log.error("cannot write a network's names", { network: networkId, error });
      }
    }
    this.#changed.clear();
  }
}

function hasNames({ networkName }: Endpoint): boolean {
  return !predefinedNetworks.has(networkName);
}

/** Those who share a name are all told for it, in the order they came. */
function tableOf(members: readonly NamedEndpoint[]): NamesTable {
  const names = new Map<string, { name: string; ipv4: string[]; ipv6: string[] }>();
  const reverse: (readonly [string, string])[] = [];
  for (const member of members) {
    const [ownName = ''] = member.names;
    for (const name of new Set(member.names.map((text) => text.toLowerCase()))) {
      const entry = names.get(name) ?? { name, ipv4: [], ipv6: [] };
      names.set(name, entry);
      for (const { family, address } of member.addresses) entry[family === 4 ? 'ipv4' : 'ipv6'].push(address);
    }
    for (const { address } of member.addresses) reverse.push([address, ownName]);
  }
  return { names: names.values() satisfies Iterable<NetworkName>, reverse };
}
