import { afterAll, beforeAll, expect, test } from 'bun:test';
import { background } from '../base/context.ts';
import type { Networks } from './contract.ts';
import { anyNetwork, connectAndStart } from './testing/containers.ts';
import { openNamespace, type TestNamespace } from './testing/namespaces.ts';
import { networksOn } from './testing/open-networks.ts';

let space: TestNamespace;
let networks: Networks;

beforeAll(async () => {
  space = await openNamespace('keeper');
  networks = networksOn(space);
  await networks.start(background(), []);
});

afterAll(async () => {
  await networks.stop(background());
  expect(await space.run('nft', 'list', 'ruleset')).toBe('');
  expect(await space.run('ip', '-o', 'link')).not.toContain('gate');
  await space[Symbol.asyncDispose]();
});

/** Handles are the kernel's to choose: what is left is what was meant. */
const list = async () => (await space.run('nft', 'list', 'ruleset')).replace(/ # handle \d+/g, '');

async function becomes(expected: string): Promise<void> {
  for (let tries = 0; tries < 100 && (await list()) !== expected; tries++) await Bun.sleep(20);
  expect(await list()).toBe(expected);
}

const port = {
  protocol: 'tcp',
  containerPort: 80,
  hostAddress: '',
  hostPort: 8080,
  hostPortEnd: 8080,
} as const;

test('what somebody flushes is there again, once', async () => {
  await networks.create(background(), { ...anyNetwork, name: 'front', internal: true });
  const container = await connectAndStart(space, networks, { ports: [port] });
  const before = await list();
  expect(before).toContain('tcp . 8080');
  for (const command of [
    'flush ruleset',
    'delete table inet sampan',
    'flush table inet sampan',
    'flush chain inet sampan forward',
    'flush map inet sampan published',
    'delete table ip sampan',
    'add rule inet sampan forward accept',
  ]) {
    await space.run('nft', ...command.split(' '));
    await becomes(before);
  }
  await container.end();
  await networks.disconnect(background(), container.endpoint);
});

test('ports that come and go beside a flush are as they are to be', async () => {
  const before = await list();
  for (let round = 0; round < 5; round++) {
    const flushed = space.run('nft', 'flush', 'ruleset');
    const container = await connectAndStart(space, networks, { ports: [port] });
    await flushed;
    for (let tries = 0; tries < 100 && !(await list()).includes('tcp . 8080'); tries++) await Bun.sleep(20);
    expect(await list()).toContain('tcp . 8080');
    const again = space.run('nft', 'flush', 'ruleset');
    await container.end();
    await networks.disconnect(background(), container.endpoint);
    await again;
    await becomes(before);
  }
});

test("others' tables are left alone", async () => {
  const before = await list();
  await space.run('nft', 'add table inet other');
  await space.run('nft', 'add chain inet other c { type filter hook input priority 0; }');
  await Bun.sleep(50);
  expect(await list()).toContain('table inet other');
  await space.run('nft', 'delete table inet other');
  await becomes(before);
});
