import { afterAll, beforeAll, expect, test } from 'bun:test';
import { background } from '../base/context.ts';
import {
  type FirewallBridge,
  loadFirewall,
  publishPorts,
  type Translation,
  translatedAddress,
  unloadFirewall,
  unpublishPorts,
} from './firewall.ts';
import { type IpAddress, parseInterfaceAddress } from './ip.ts';
import { openNamespace, type TestNamespace } from './testing/namespaces.ts';

let space: TestNamespace;

beforeAll(async () => {
  space = await openNamespace('firewall');
});

afterAll(() => space[Symbol.asyncDispose]());

const ip = (text: string): IpAddress => parseInterfaceAddress(`${text}/0`).address;

const everywhere: Translation = {
  protocol: 'tcp',
  hostAddress: undefined,
  hostPort: 8080,
  address: ip('172.17.0.2'),
  port: 80,
};
const everywhere6: Translation = { ...everywhere, address: ip('fd00::2') };
const somewhere: Translation = { ...everywhere, protocol: 'udp', hostAddress: ip('10.0.0.1') };

const none = { ipv4: false, ipv6: false };
const both = { ipv4: true, ipv6: true };

function bridgeOf(name: string, more: Partial<FirewallBridge> = {}): FirewallBridge {
  return { name, interContainer: true, masquerade: both, internal: false, open: none, ...more };
}

const portsOf = (...translations: readonly Translation[]) => ({ translations, open: [] });

async function apply(...steps: readonly ReturnType<typeof publishPorts>[]): Promise<void> {
  await space.launcher.run(background(), { before: steps.filter((step) => step !== undefined) });
}

test('the table reads as it was meant', async () => {
  await apply(
    loadFirewall('sampan', {
      bridges: [bridgeOf('sampan0'), bridgeOf('inner', { internal: true, masquerade: none })],
      ports: {
        translations: [everywhere, everywhere6],
        open: [{ protocol: 'udp', address: ip('10.0.0.9'), port: 53 }],
      },
    }),
  );
  const text = (await space.run('nft', 'list', 'table', 'inet', 'sampan')).replace(/^\s+/gm, '');
  for (const line of [
    'elements = { tcp . 8080 : 172.17.0.2 . 80 }',
    'elements = { tcp . 8080 : fd00::2 . 80 }',
    'elements = { 10.0.0.9 . udp . 53 }',
    '"sampan0" . "sampan0" : accept',
    'elements = { "inner" }',
    'dnat ip6 to ip6 daddr . meta l4proto . th dport map @published6_at',
    'dnat ip6 to meta l4proto . th dport map @published6',
    'iifname @internal iifname . oifname vmap @inside',
    'iifname @internal drop',
    'oifname @internal drop',
    'meta nfproto ipv4 oifname @open accept',
    'meta nfproto ipv6 oifname @open6 accept',
    'ip daddr . meta l4proto . th dport @routed accept',
    'ip6 daddr . meta l4proto . th dport @routed6 accept',
    'iifname @masqueraded6 oifname != @bridges masquerade',
    'dnat ip to ip daddr . meta l4proto . th dport map @published_at',
    'dnat ip to meta l4proto . th dport map @published',
    'iifname != "lo" ip daddr 127.0.0.0/8 drop',
    'iifname != @bridges fib daddr type local jump publish',
    'ip daddr != 127.0.0.0/8 fib daddr type local jump publish',
    'oifname @bridges ct state established,related accept',
    'oifname @bridges ct status dnat accept',
    'iifname . oifname vmap @inside',
    'oifname @bridges drop',
    'iifname @masqueraded oifname != @bridges masquerade',
  ]) {
    expect(text).toContain(line);
  }
});

test('loading replaces what was there', async () => {
  await apply(
    loadFirewall('sampan', {
      bridges: [bridgeOf('other0', { interContainer: false, masquerade: none })],
      ports: portsOf(),
    }),
  );
  const text = await space.run('nft', 'list', 'table', 'inet', 'sampan');
  expect(text).toContain('"other0" . "other0" : drop');
  expect(text).not.toContain('sampan0');
  expect(text).not.toContain('8080');
});

test('ports come and go as elements, and going twice is fine', async () => {
  const list = () => space.run('nft', 'list', 'table', 'inet', 'sampan');
  await apply(publishPorts('sampan', portsOf(everywhere, somewhere)));
  expect(await list()).toContain('tcp . 8080 : 172.17.0.2 . 80');
  expect(await list()).toContain('10.0.0.1 . udp . 8080 : 172.17.0.2 . 80');
  for (let time = 0; time < 2; time += 1)
    await apply(unpublishPorts('sampan', portsOf(everywhere, somewhere)));
  expect(await list()).not.toContain('8080');
});

test('unloading leaves nothing, and there being nothing is fine', async () => {
  for (let time = 0; time < 2; time += 1) await apply(unloadFirewall('sampan'));
  await apply(unpublishPorts('sampan', portsOf(everywhere)));
  expect(await space.run('nft', 'list', 'ruleset')).toBe('');
});

test('a published port takes one message, and none needs no step', () => {
  const step = publishPorts('sampan', portsOf(everywhere, { ...everywhere, hostPort: 8081 }));
  expect(step?.op === 'netlink' && step.acks).toBe(1);
  expect(publishPorts('sampan', portsOf())).toBeUndefined();
  expect(unpublishPorts('sampan', portsOf())).toBeUndefined();
});

test("loopback is not the firewall's to translate", () => {
  expect(translatedAddress('0.0.0.0')).toEqual({ family: 4, at: undefined });
  expect(translatedAddress('10.0.0.1')).toEqual({ family: 4, at: ip('10.0.0.1') });
  expect(translatedAddress('127.0.0.53')).toBeUndefined();
  expect(translatedAddress('::')).toEqual({ family: 6, at: undefined });
  expect(translatedAddress('::1')).toBeUndefined();
});
