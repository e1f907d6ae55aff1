import { afterAll, beforeAll, expect, test } from 'bun:test';
import { background } from '../base/context.ts';
import type { Follower, Launcher } from '../plan/contract.ts';
import type { Plan } from '../plan/operations.ts';
import type { Networks } from './contract.ts';
import { anyNetwork, connectAndStart } from './testing/containers.ts';
import { openNamespace, type TestNamespace } from './testing/namespaces.ts';
import { networksOn } from './testing/open-networks.ts';

/** Others flush the tables between a change of them and the daemon's hearing of it. */

type Steps = Partial<Plan>['before'];

let space: TestNamespace;
let networks: Networks;
/** Which plan's answer is kept back, and until when. */
let kept: { is(steps: Steps): boolean; done(): void; until: Promise<void> } | undefined;

beforeAll(async () => {
  space = await openNamespace('races');
  const launcher: Launcher & Follower = {
    async run(context, plan) {
      const keeping = kept?.is(plan.before) ? kept : undefined;
      if (keeping !== undefined) kept = undefined;
      const results = await space.launcher.run(context, plan);
      keeping?.done();
      await keeping?.until;
      return results;
    },
    follow: (context, plan, result) => space.launcher.follow(context, plan, result),
  };
  networks = networksOn(space, { launcher });
  await networks.start(background(), []);
});

afterAll(async () => {
  await networks.stop(background());
  expect(await space.run('nft', 'list', 'ruleset')).toBe('');
  await space[Symbol.asyncDispose]();
});

/** Has the tables flushed, and put back, after the kernel has done what `work` asks for and before it hears so. */
async function flushAmid(work: () => Promise<unknown>, is: (steps: Steps) => boolean): Promise<void> {
  const carriedOut = Promise.withResolvers<void>();
  const heard = Promise.withResolvers<void>();
  kept = { is, done: carriedOut.resolve, until: heard.promise };
  const working = work();
  await carriedOut.promise;
  await flush();
  heard.resolve();
  await working;
}

async function flush(): Promise<void> {
  await space.run('nft', 'flush', 'ruleset');
  while (!(await ruleset()).includes('chain forward')) await Bun.sleep(20);
  // What is loaded is compared with what is wanted once more.
  await Bun.sleep(100);
}

/** A plan of so many changes of the kernel's network; those that put tables back have one. */
function changing(count: number): (steps: Steps) => boolean {
  return (steps) => steps?.length === count && steps.every(({ op }) => op === 'netlink');
}

function ruleset(): Promise<string> {
  return space.run('nft', 'list', 'ruleset');
}

test('a network that is made meanwhile is in the tables', async () => {
  const make = () => networks.create(background(), { ...anyNetwork, name: 'late' });
  await flushAmid(make, changing(3));
  expect(await ruleset()).toContain(networks.get('late').id.slice(0, 12));
  await networks.remove(background(), 'late');
  expect(await ruleset()).not.toContain('br-');
});

test('ports of a container that leaves meanwhile are not', async () => {
  const port = {
    protocol: 'udp',
    containerPort: 80,
    hostAddress: '',
    hostPort: 8080,
    hostPortEnd: 8080,
  } as const;
  const container = await connectAndStart(space, networks, { ports: [port] });
  await flush();
  expect(await ruleset()).toContain('udp . 8080');
  await container.end();
  await flushAmid(() => networks.disconnect(background(), container.endpoint), changing(2));
  expect(await ruleset()).not.toContain('udp . 8080');
});
