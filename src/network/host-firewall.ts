import type { Context } from '../base/context.ts';
import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Follower, Launcher } from '../plan/contract.ts';
import { errno } from '../plan/errno.ts';
import { HOST, type Operation } from '../plan/operations.ts';
import type { HostIpv6 } from './endpoint-plan.ts';
import { type FirewallBridge, type FirewallPorts, loadFirewall, unloadFirewall } from './firewall.ts';
import { type Families, type Gate, gateOf, setUpGate, tearDownGate } from './firewall-gate.ts';
import { FirewallKeeper } from './firewall-keeper.ts';
import { closePassage, openPassage, type Passage, type Step } from './firewall-passage.ts';
import { protocol } from './netlink/constants.ts';
import { decodeLinks, deleteLink, dumpLinks, type Link } from './netlink/links.ts';
import { netlinkOperation } from './netlink/message.ts';
import { dumpRuleset, type Ruleset, readRuleset } from './nftables/ruleset.ts';
import type { HostFirewall as Manners } from './options.ts';
import type { Ways } from './reachability.ts';
import { checksReturnPath, makeReturnPath, removeReturnPath } from './return-path.ts';

export interface HostFirewallOptions {
  readonly launcher: Launcher & Follower;
  readonly log: Logger;
  readonly table: string;
  readonly ipv6: HostIpv6;
  readonly manners: Manners;
  /** Whose packets there are rules for; without IPv4's there are none. */
  readonly families: { readonly ipv4: boolean; readonly ipv6: boolean };
  /** All that is to be in the tables, as of now. */
  contents(): { readonly bridges: readonly FirewallBridge[]; readonly ports: FirewallPorts };
  /** The tables are about to be made anew for what there is. */
  restoring(): void;
}

/** Sampan's tables on this host, kept as they are to be whatever others do, and their terms with others' tables. */
export class HostFirewall {
  readonly #options: HostFirewallOptions;
  #gate: Gate | undefined;
  #keeper: FirewallKeeper | undefined;

  constructor(options: HostFirewallOptions) {
    this.#options = options;
  }

  /** How packets to published ports go. */
  get ways(): Ways {
    return { table: this.#options.table, gate: this.#gate?.inName };
  }

  /** What others' chains must know of this one. */
  get passage(): Passage {
    return { table: this.#options.table, gate: this.#gate?.outName };
  }

  async start(context: Context, links: readonly Link[]): Promise<void> {
    const { launcher, log, table } = this.#options;
    await this.rest();
    this.#gate = existingGate(table, links);
    if (!this.#options.families.ipv4) return this.stop(context);
    const link = this.#options.manners === 'bypass' ? '' : gateOf(table, links).outName;
    this.#keeper = new FirewallKeeper({
      ...{ launcher, log, table, link },
      restore: (during) => this.#restore(during),
      tend: (during) => this.#tend(during),
    });
    await this.#keeper.start();
    await this.#load(context, links);
    await this.#tend(context);
  }

  /** Leaves all as it is, and does not look after it any more. */
  async rest(): Promise<void> {
    await this.#keeper?.[Symbol.asyncDispose]();
    this.#keeper = undefined;
  }

  /** Removes all of it. */
  async stop(context: Context): Promise<void> {
    const gate = this.#gate;
    this.#gate = undefined;
    await this.#run(context, closePassage(await this.ruleset(context), this.passage));
    const before = [
      unloadFirewall(this.#options.table, this.#families),
      ...(gate === undefined ? [] : goneWith(gate)),
    ];
    await this.#options.launcher.run(context, { before });
  }

  /** What is in nf_tables now. */
  async ruleset(context: Context): Promise<Ruleset> {
    return readRuleset(await this.#options.launcher.run(context, { before: dumpRuleset() }), 0);
  }

  /** The host's firewall is asked where the kernel can copy packets; where it cannot, published ports go past it, as they do in Docker. */
  async #load(context: Context, links: readonly Link[]): Promise<void> {
    const { launcher, log, manners, table, ipv6 } = this.#options;
    let unused = this.#gate;
    if (manners !== 'bypass') {
      const gate = gateOf(table, links);
      try {
        await launcher.run(context, { before: [...setUpGate(gate, ipv6), this.#whole(gate)] });
        this.#gate = gate;
        return;
      } catch (error) {
        unused = gate;
        const reason = { error: messageOf(error) };
        log.warn(
          "published ports go past the host's input rules: this kernel cannot copy packets (nft_dup)",
          reason,
        );
      }
    }
    this.#gate = undefined;
    const before = [this.#whole(undefined), ...(unused === undefined ? [] : goneWith(unused))];
    await launcher.run(context, { before });
  }

  /** Endpoints may come and go while the tables are loaded: then once more, until what was loaded is what is wanted. */
  async #restore(context: Context): Promise<void> {
    await this.#restoreGate(context);
    for (;;) {
      const wanted = this.#whole(this.#gate);
      this.#options.restoring();
      await this.#options.launcher.run(context, { before: [wanted] });
      if (Bun.deepEquals(wanted, this.#whole(this.#gate))) return;
    }
  }

  /** Somebody may have removed it, or taken one end elsewhere. Without it ports stay shut: they are not to go past the host's rules. */
  async #restoreGate(context: Context): Promise<void> {
    const { launcher, table, ipv6 } = this.#options;
    const known = this.#gate;
    if (known === undefined) return;
    const dump = netlinkOperation(protocol.route, [dumpLinks()]);
    const [bytes = new Uint8Array()] = (await launcher.run(context, { before: [dump] })).values();
    const links = decodeLinks(bytes);
    if ([known.outIndex, known.inIndex].every((wanted) => links.some(({ index }) => index === wanted)))
      return;
    const gate = gateOf(table, links);
    const half = netlinkOperation(protocol.route, [deleteLink(gate.inName)], [errno.ENODEV]);
    const before = [...(gate.existing ? [] : [half]), ...setUpGate(gate, ipv6)];
    await launcher.run(context, { before });
    this.#gate = gate;
  }

  #whole(gate: Gate | undefined): Operation {
    const { bridges, ports } = this.#options.contents();
    const { table, families } = this.#options;
    return loadFirewall(table, {
      ...{ bridges, ports, gate },
      ipv4Only: !families.ipv6,
      families: this.#families,
    });
  }

  get #families(): Families {
    return this.#options.ipv6 === 'absent' ? [4] : [4, 6];
  }

  async #tend(context: Context): Promise<void> {
    const { launcher, manners } = this.#options;
    const strict: Operation = {
      ...{ op: 'read', dir: HOST, limit: 16 },
      path: '/proc/sys/net/ipv4/conf/all/rp_filter',
    };
    const results = await launcher.run(context, { before: [...dumpRuleset(), strict] });
    const ruleset = readRuleset(results, 0);
    const open = manners === 'hands-off' ? closePassage : openPassage;
    await this.#run(context, open(ruleset, this.passage));
    await this.#keepReturnPath(context, Buffer.from(results.get(2) ?? []).toString(), ruleset);
  }

  async #keepReturnPath(context: Context, strict: string, ruleset: Ruleset): Promise<void> {
    if (this.#gate === undefined || !checksReturnPath(strict, ruleset)) return;
    await this.#options.launcher.run(context, { before: makeReturnPath(this.#gate) });
  }

  /** One that fails leaves the others be: some firewalls let nobody else into their tables. */
  async #run(context: Context, steps: readonly Step[]): Promise<void> {
    const { launcher, log } = this.#options;
    for (const { chain, operation } of steps) {
      try {
        await launcher.run(context, { before: [operation] });
        log.info("changed another firewall's chain for containers", { chain });
      } catch (error) {
        log.warn("cannot change another firewall's chain: it may drop what containers send", {
          ...{ chain, error: messageOf(error) },
        });
      }
    }
  }
}

function goneWith(gate: Gate): readonly Operation[] {
  return [...removeReturnPath(gate), tearDownGate(gate)];
}

/** What an earlier daemon left. */
function existingGate(table: string, links: readonly Link[]): Gate | undefined {
  const gate = gateOf(table, links);
  return gate.existing ? gate : undefined;
}
