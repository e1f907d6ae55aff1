import { afterAll, beforeAll, expect, test } from 'bun:test';
import { background } from '../base/context.ts';
import {
  loadFirewall,
  publishPorts,
  type Translation,
  translatedAddress,
  unloadFirewall,
  unpublishPorts,
} from './firewall.ts';
import { parseIpv4 } from './ipv4.ts';
import { openNamespace, type TestNamespace } from './testing/namespaces.ts';

let space: TestNamespace;

beforeAll(async () => {
  space = await openNamespace('firewall');
});

afterAll(() => space[Symbol.asyncDispose]());

const everywhere: Translation = {
  protocol: 'tcp',
  hostAddress: undefined,
  hostPort: 8080,
  address: parseIpv4('172.17.0.2') ?? 0,
  port: 80,
};
const somewhere: Translation = { ...everywhere, protocol: 'udp', hostAddress: parseIpv4('10.0.0.1') ?? 0 };

async function apply(...steps: readonly ReturnType<typeof publishPorts>[]): Promise<void> {
  await space.launcher.run(background(), { before: steps.filter((step) => step !== undefined) });
}

test('the table reads as it was meant', async () => {
  await apply(
    loadFirewall('sampan', [{ name: 'sampan0', interContainer: true, masquerade: true }], [everywhere]),
  );
  const text = (await space.run('nft', 'list', 'table', 'inet', 'sampan')).replace(/^\s+/gm, '');
  for (const line of [
    'elements = { tcp . 8080 : 172.17.0.2 . 80 }',
    'elements = { "sampan0" }',
    'elements = { "sampan0" . "sampan0" : accept }',
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
  await apply(loadFirewall('sampan', [{ name: 'other0', interContainer: false, masquerade: false }], []));
  const text = await space.run('nft', 'list', 'table', 'inet', 'sampan');
  expect(text).toContain('"other0" . "other0" : drop');
  expect(text).not.toContain('sampan0');
  expect(text).not.toContain('8080');
});

test('ports come and go as elements, and going twice is fine', async () => {
  const list = () => space.run('nft', 'list', 'table', 'inet', 'sampan');
  await apply(publishPorts('sampan', [everywhere, somewhere]));
  expect(await list()).toContain('tcp . 8080 : 172.17.0.2 . 80');
  expect(await list()).toContain('10.0.0.1 . udp . 8080 : 172.17.0.2 . 80');
  for (let time = 0; time < 2; time += 1) await apply(unpublishPorts('sampan', [everywhere, somewhere]));
  expect(await list()).not.toContain('8080');
});

test('unloading leaves nothing, and there being nothing is fine', async () => {
  for (let time = 0; time < 2; time += 1) await apply(unloadFirewall('sampan'));
  await apply(unpublishPorts('sampan', [everywhere]));
  expect(await space.run('nft', 'list', 'ruleset')).toBe('');
});

test('a published port takes one message, and none needs no step', () => {
  const step = publishPorts('sampan', [everywhere, { ...everywhere, hostPort: 8081 }]);
  expect(step?.op === 'netlink' && step.acks).toBe(1);
  expect(publishPorts('sampan', [])).toBeUndefined();
  expect(unpublishPorts('sampan', [])).toBeUndefined();
});

test("loopback and IPv6 are not the firewall's to translate", () => {
  expect(translatedAddress('0.0.0.0')).toEqual({ at: undefined });
  expect(translatedAddress('10.0.0.1')).toEqual({ at: 0x0a000001 });
  expect(translatedAddress('127.0.0.53')).toBeUndefined();
  expect(translatedAddress('::')).toBeUndefined();
});
