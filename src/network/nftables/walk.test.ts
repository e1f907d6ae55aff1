import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { background } from '../../base/context.ts';
import { openNamespace, type TestNamespace } from '../testing/namespaces.ts';
import { hooks } from './constants.ts';
import type { Packet } from './packet.ts';
import { dumpRuleset, readRuleset } from './ruleset.ts';
import { dumpSet, readSet, setKey } from './sets.ts';
import { setsNeeded, walkHook } from './walk.ts';

/** Rules as `nft` and `iptables` load them into the kernel, read back and asked about packets. */

let space: TestNamespace;

beforeAll(async () => {
  space = await openNamespace('walk');
});

afterEach(() => space.run('nft', 'flush', 'ruleset'));
afterAll(() => space[Symbol.asyncDispose]());

const web: Packet = {
  ...{ family: 4, protocol: 6, inputName: 'eth0', outputName: '', outputGroup: 0 },
  ...{ destination: Uint8Array.of(192, 0, 2, 1), port: 8080, originalPort: 8080, translated: false },
};

/** "yes", "no" or "perhaps", and who drops it. */
async function fate(packet: Partial<Packet> = {}, hook: number = hooks.input): Promise<string> {
  const { launcher } = space;
  const ruleset = readRuleset(await launcher.run(background(), { before: dumpRuleset() }), 0);
  const names = setsNeeded({ ruleset, except: 'ours' });
  const results = await launcher.run(background(), { before: names.flatMap(dumpSet) });
  const sets = new Map(names.map((name, index) => [setKey(name), readSet(results, index * 2)]));
  const { passes, droppedBy } = walkHook({ ruleset, sets, except: 'ours' }, hook, { ...web, ...packet });
  const answer = droppedBy === undefined ? 'yes' : passes ? 'perhaps' : 'no';
  return droppedBy === undefined ? answer : `${answer} ${droppedBy.chain.table} ${droppedBy.chain.name}`;
}

async function load(input: readonly string[], more: readonly string[] = []): Promise<void> {
  const chain = ['chain input {', 'type filter hook input priority 0; policy drop', ...input, '}'];
  const lines = ['table inet t {', ...more, ...chain, '}'];
  await space.run('sh', '-c', 'printf "%s\\n" "$@" | nft -f -', 'sh', ...lines);
}

describe('what becomes of a packet', () => {
  test.each([
    ['tcp dport 8080 accept', 'yes'],
    ['tcp dport 8081 accept', 'no t input'],
    ['tcp dport { 80, 8080, 9000-9999 } accept', 'yes'],
    ['tcp dport { 80, 8000-8079, 8081-9999 } accept', 'no t input'],
    ['tcp dport 8000-9000 accept', 'yes'],
    ['tcp dport != 8080 accept', 'no t input'],
    ['tcp dport > 8000 accept', 'yes'],
    ['tcp dport vmap { 22 : accept, 8080 : drop }', 'no t input'],
    ['tcp dport vmap { 22 : drop, 8000-8100 : accept }', 'yes'],
    ['meta l4proto vmap { tcp : jump more }', 'yes'],
    ['iifname "eth0" accept', 'yes'],
    ['iifname "eth1" accept', 'no t input'],
    ['iifname { "lo", "eth0" } tcp dport 8080 accept', 'yes'],
    ['iifname "eth*" accept', 'yes'],
    ['ct state { established, related } accept', 'no t input'],
    ['ct state vmap { established : drop, new : accept }', 'yes'],
    ['ct state invalid drop; tcp dport 8080 accept', 'yes'],
    ['ct status dnat accept', 'no t input'],
    ['ip saddr 198.51.100.0/24 accept', 'perhaps t input'],
    ['ip saddr { 198.51.100.0/24, 203.0.113.1 } drop; accept', 'perhaps t input'],
    ['ip daddr 192.0.2.0/24 accept', 'yes'],
    ['ip daddr . tcp dport { 192.0.2.1 . 8080 } accept', 'yes'],
    ['ip daddr . tcp dport { 192.0.2.1 . 8081 } accept', 'no t input'],
    ['ip6 daddr ::1 accept', 'no t input'],
    ['fib daddr type local accept', 'yes'],
    ['fib daddr type { broadcast, multicast } accept', 'no t input'],
    ['tcp flags & (syn | ack) == syn accept', 'yes'],
    ['limit rate 5/second accept', 'perhaps t input'],
    ['counter log prefix "x" tcp dport 8080 counter accept', 'yes'],
    ['tcp dport 8080 jump more', 'yes'],
    ['tcp dport 8080 goto less', 'no t less'],
    ['goto none; accept', 'no t input'],
    ['jump none; accept', 'yes'],
    ['meta mark 7 accept', 'perhaps t input'],
    ['meta pkttype broadcast accept', 'no t input'],
    ['reject with icmpx admin-prohibited', 'no t input'],
    ['tcp dport @ports accept', 'yes'],
    ['ip saddr @friends accept', 'perhaps t input'],
    ['ip saddr @nobody accept', 'no t input'],
  ])('by "%s"', async (rules, expected) => {
    const more = ['chain more { accept; }', 'chain less { reject; }', 'chain none {', 'return', '}'];
    more.push('set ports { type inet_service; elements = { 80, 8080 }; }');
    more.push('set friends { type ipv4_addr; elements = { 198.51.100.1 }; }');
    more.push('set nobody { type ipv4_addr; }');
    await load(rules.split('; '), more);
    expect(await fate()).toBe(expected);
  });

  test.each([
    ['-p tcp --dport 8080', 'yes'],
    ['-p tcp --dport 8081', 'no filter INPUT'],
    ['-p tcp ! --dport 8081', 'yes'],
    ['-p udp --dport 8080', 'no filter INPUT'],
    ['-p tcp -m multiport --dports 80,8000:8100', 'yes'],
    ['-p tcp -m multiport ! --dports 80,8000:8100', 'no filter INPUT'],
    ['-p tcp -m multiport --dports 80,443', 'no filter INPUT'],
    ['-m conntrack --ctstate NEW', 'yes'],
    ['-m conntrack --ctstate ESTABLISHED,RELATED', 'no filter INPUT'],
    ['-m conntrack ! --ctstate INVALID', 'yes'],
    ['-m state --state NEW', 'yes'],
    ['-m addrtype --dst-type LOCAL', 'yes'],
    ['-m addrtype --dst-type BROADCAST', 'no filter INPUT'],
    ['-m comment --comment x -i eth0', 'yes'],
    ['-s 198.51.100.1 -p tcp', 'perhaps filter INPUT'],
    ['-m limit --limit 1/s', 'perhaps filter INPUT'],
    ['-p tcp --syn', 'yes'],
    ['-p tcp --tcp-flags ALL NONE', 'no filter INPUT'],
    ['-m mark --mark 1', 'perhaps filter INPUT'],
  ])('by iptables %s', async (match, expected) => {
    await space.run('iptables', '-P', 'INPUT', 'DROP');
    await space.run('iptables', '-A', 'INPUT', ...match.split(' '), '-j', 'ACCEPT');
    expect(await fate()).toBe(expected);
    expect(await fate({ family: 6, destination: new Uint8Array(16) })).toBe('yes');
  });

  test('in chains of the same hook is decided in the order of their priorities, and by each', async () => {
    const chain = (table: string, priority: number, verdict: string) =>
      `add table inet ${table}; add chain inet ${table} c { type filter hook input priority ${priority}; policy ${verdict}; }`;
    await space.run('nft', `${chain('late', 10, 'drop')}; ${chain('early', -10, 'drop')}`);
    expect(await fate()).toBe('no early c');
    await space.run('nft', 'add rule inet early c accept');
    expect(await fate()).toBe('no late c');
    await space.run('nft', 'add rule inet late c accept');
    expect(await fate()).toBe('yes');
    await space.run('nft', chain('ours', 20, 'drop'));
    expect(await fate()).toBe('yes');
  });

  test('that is forwarded depends on where it goes', async () => {
    await space.run('iptables', '-P', 'FORWARD', 'DROP');
    const group = ['-m', 'devgroup', '--dst-group', '21325'];
    await space.run('iptables', '-A', 'FORWARD', ...group, '-j', 'ACCEPT');
    const forwarded = { outputName: 'br-1', outputGroup: 21325, translated: true };
    expect(await fate(forwarded, hooks.forward)).toBe('yes');
    expect(await fate({ ...forwarded, outputGroup: 0 }, hooks.forward)).toBe('no filter FORWARD');
    await space.run('iptables', '-I', 'FORWARD', '-m', 'conntrack', '--ctstate', 'DNAT', '-j', 'DROP');
    expect(await fate(forwarded, hooks.forward)).toBe('no filter FORWARD');
  });
});
