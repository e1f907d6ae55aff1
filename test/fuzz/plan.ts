/**
 * A bounded fuzzer of the launcher's plan decoder: encodes random plans, damages most of them, and has a sanitized decoder read
 * them. Undamaged plans of the right shape must be accepted; whatever is accepted must be safe to use; nothing may crash.
 *
 * Usage: bun test/fuzz/plan.ts [seconds] [seed]
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodePlan } from '../../src/plan/encode.ts';
import { type ArgumentKind, type Operation, operations, type Plan } from '../../src/plan/operations.ts';

const seconds = Number(process.argv[2] ?? 20);
let state = Number(process.argv[3] ?? Date.now() % 2 ** 31);
const seed = state;
const PLANS_PER_RUN = 2000;

/** Park and Miller's generator: the same seed finds the same failure again. */
function random(below: number): number {
  state = (state * 48271) % 2147483647;
  return state % below;
}

function pick<T>(items: readonly T[]): T {
  return items[random(items.length)] as T;
}

const native = join(import.meta.dir, '../../native');
const directory = mkdtempSync(join(tmpdir(), 'sampan-fuzz-plan-'));
const decoder = join(directory, 'decoder');

function build(): void {
  const sources = readdirSync(native).filter((name) => name.endsWith('.c') && name !== 'main.c');
  const flags = [
    '-std=c11',
    '-D_GNU_SOURCE',
    '-O1',
    '-g',
    '-fsanitize=address,undefined',
    '-fno-sanitize-recover=all',
  ];
  const files = [join(import.meta.dir, 'plan-decoder.c'), ...sources.map((name) => join(native, name))];
  const { status, stderr } = spawnSync(
    process.env['CC'] ?? 'cc',
    [...flags, `-I${native}`, ...files, '-o', decoder],
    {
      encoding: 'utf8',
    },
  );
  if (status !== 0) throw new Error(stderr);
}

const integers = [0n, 1n, -1n, 2n ** 31n, 2n ** 32n, 2n ** 63n - 1n, -(2n ** 63n)];
const texts = ['', '/', 'a', '/tmp/a/b', 'x'.repeat(7), 'x'.repeat(8), 'é'.repeat(300)];

function randomValue(kind: ArgumentKind): unknown {
  const several = <T>(make: () => T): T[] => Array.from({ length: random(6) }, make);
  switch (kind) {
    case 'int':
      return pick(integers);
    case 'text':
      return pick(texts);
    case 'bytes':
      return new Uint8Array(random(40)).fill(0xa5);
    case 'texts':
      return several(() => pick(texts));
    default:
      return several(() => pick(integers));
  }
}

const names = Object.keys(operations) as Operation['op'][];

function randomOperation(op: Operation['op'] = pick(names)): Operation {
  const args = Object.entries<ArgumentKind>(operations[op].args);
  return Object.fromEntries([
    ['op', op],
    ...args.map(([name, kind]) => [name, randomValue(kind)]),
  ]) as Operation;
}

/** Of operations that may be in any stage, so that it has to be accepted. */
function validPlan(): Partial<Plan> {
  const anywhere = (): Operation[] =>
    Array.from({ length: random(5) }, () =>
      randomOperation(pick(['mkdir', 'write', 'mount', 'bind', 'netlink', 'chown'])),
    );
  const before = [...anywhere(), randomOperation('clone')];
  return { before, parent: anywhere(), child: [...anywhere(), randomOperation('exec')], after: anywhere() };
}

function randomPlan(): Partial<Plan> {
  const some = (): Operation[] => Array.from({ length: random(4) }, () => randomOperation());
  return { before: some(), parent: some(), child: some(), after: some() };
}

const words = [0, 1, 7, 8, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff];

/** Sets words, flips bytes, cuts, repeats; sometimes with the size in the header made right again. */
function damage(plan: Buffer): Buffer {
  for (let change = 1 + random(4); change > 0 && plan.length >= 8; change--) {
    const kind = random(6);
    if (kind < 3) plan.writeUInt32LE(pick(words), random(plan.length / 4) * 4);
    else if (kind === 3) plan[random(plan.length)] = random(256);
    else if (kind === 4) plan = plan.subarray(0, random(plan.length / 8 + 1) * 8);
    else plan = Buffer.concat([plan, plan.subarray(random(plan.length / 8) * 8)]);
  }
  if (random(2) === 0 && plan.length >= 16) plan.writeUInt32LE(plan.length, 12);
  return plan;
}

interface Sample {
  readonly plan: Buffer;
  readonly valid: boolean;
}

function sample(): Sample {
  const valid = random(8) === 0;
  const plan = Buffer.from(encodePlan(valid || random(2) === 0 ? validPlan() : randomPlan()));
  return { plan: valid ? plan : damage(plan), valid };
}

function sized(plan: Buffer): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(plan.length);
  return Buffer.concat([size, plan]);
}

async function fail(what: string, culprit: Buffer | undefined): Promise<never> {
  const path = `/tmp/sampan-fuzz-plan-${seed}.bin`;
  if (culprit !== undefined) await Bun.write(path, culprit);
  console.error(`seed ${seed}: ${what}\nThe plan is ${path}`);
  rmSync(directory, { recursive: true });
  process.exit(1);
}

const counts = { accepted: 0, refused: 0 };

async function runOnce(): Promise<void> {
  const samples = Array.from({ length: PLANS_PER_RUN }, sample);
  const input = Buffer.concat(samples.map(({ plan }) => sized(plan)));
  const { status, stdout, stderr } = spawnSync(decoder, [], {
    input,
    encoding: 'latin1',
    maxBuffer: 1 << 20,
  });
  if (status !== 0) await fail(`the decoder ended with ${status}: ${stderr}`, samples[stdout.length]?.plan);
  for (const [index, { plan, valid }] of samples.entries()) {
    const accepted = stdout[index] === '+';
    if (valid && !accepted) await fail('a plan was refused that is none the worse', plan);
    counts[accepted ? 'accepted' : 'refused']++;
  }
}

build();
const end = performance.now() + seconds * 1000;
do await runOnce();
while (performance.now() < end);
rmSync(directory, { recursive: true });
console.log(`seed ${seed}: ${counts.accepted} plans accepted, ${counts.refused} refused, no other outcome`);
