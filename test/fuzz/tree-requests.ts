/**
 * A bounded fuzzer of tree sessions: clients send requests and parts that are well formed, damaged or torn, in pieces of any size, read nothing or
 * everything, and leave when they like. Nothing outside the tree may change, an honest client must get its answers, and no sanitizer may complain.
 *
 * Usage: bun test/fuzz/tree-requests.ts [seconds] [seed]; build/sampan-launcher-asan is what is tested, or SAMPAN_LAUNCHER.
 */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { background } from '../../src/base/context.ts';
import { encodeFrame } from '../../src/runtime/frames.ts';
import { openLauncher } from '../../src/runtime/launcher.ts';
import { planFrame } from '../../src/runtime/plan-connection.ts';
import type { TreePart } from '../../src/runtime/trees/contract.ts';
import { encodeRequest, PartsFrame } from '../../src/runtime/trees/encode.ts';
import { treePlan } from '../../src/runtime/trees/plan.ts';
import { treeFrames } from '../../src/runtime/trees/protocol.ts';
import { createTrees } from '../../src/runtime/trees/trees.ts';

const seconds = Number(process.argv[2] ?? 20);
let state = Number(process.argv[3] ?? Date.now() % 2 ** 31);
const seed = state;
const CLIENTS = 8;
const PATIENCE_MS = 20_000;

const directory = mkdtempSync(join(tmpdir(), 'sampan-fuzz-tree-'));
const root = join(directory, 'root');
const reports = join(directory, 'sanitizer');
const binary = process.env['SAMPAN_LAUNCHER'] ?? resolve(import.meta.dir, '../../build/sampan-launcher-asan');
process.env['ASAN_OPTIONS'] = `detect_leaks=0:log_path=${reports}`;
process.env['UBSAN_OPTIONS'] = `print_stacktrace=1:log_path=${reports}`;
const context = background();

/** Park and Miller's generator: the same seed sends the same bytes again, though not at the same moments. */
function random(below: number): number {
  state = (state * 48271) % 2147483647;
  return state % below;
}

function pick<T>(items: readonly T[]): T {
  return items[random(items.length)] as T;
}

const names = [
  'a',
  'b',
  'a/b',
  'a/b/c',
  'link/x',
  'up/x',
  '.',
  '..',
  '/',
  '',
  'a/../..',
  '../x',
  '\xff\n',
  'n'.repeat(255),
  'n'.repeat(256),
  `${'d/'.repeat(2047)}e`,
];
const kinds = ['file', 'hardlink', 'symlink', 'character', 'block', 'directory', 'fifo'] as const;
const prefixes = ['user.', 'security.', '', 'x'.repeat(255)];

function randomParts(): TreePart[] {
  const data = new Uint8Array(pick([0, 1, 100, 4096, 9000])).fill(pick([0, 7]));
  const size = random(4) === 0 ? pick([0, 1, 2 ** 40, 2 ** 53 - 1]) : data.length;
  const xattrs = new Map([
    [
      pick(['user.a', 'user.', 'security.capability', 'x', 'trusted.overlay.opaque', 'user.\0']),
      data.subarray(0, 300),
    ],
  ]);
  const header: TreePart = {
    type: pick(kinds),
    name: pick(names),
    linkName: pick([...names, '/', '../../..', directory]),
    mode: random(0o10000),
    uid: pick([0, 1000, 0xffffffff]),
    gid: random(2 ** 16),
    seconds: pick([0, -1, 2 ** 31, 2 ** 40, -(2 ** 40)]),
    nanoseconds: random(1_000_000_000),
    size,
    major: random(4096),
    minor: random(4096),
    xattrs: random(3) === 0 ? xattrs : undefined,
  };
  return random(2) === 0 ? [header, data] : [header];
}

function partsFrame(): Uint8Array {
  const frame = new PartsFrame();
  for (let count = random(5); count > 0; count--) {
    for (const part of randomParts()) {
      if (part instanceof Uint8Array) frame.addData(part);
      else frame.addHeader(part);
    }
  }
  return frame.take().slice();
}

const requests: readonly (() => Uint8Array)[] = [
  () => encodeRequest(treeFrames.stat, random(2), pick(names)),
  () =>
    encodeRequest(treeFrames.read, random(4), pick(names), [pick(prefixes), pick(prefixes)].slice(random(3))),
  () => encodeRequest(treeFrames.write, random(2), pick(names)),
  partsFrame,
  partsFrame,
  () => encodeFrame(pick([treeFrames.end, treeFrames.cancel])),
  () =>
    encodeFrame(
      random(256),
      Uint8Array.from({ length: random(80) }, () => random(256)),
    ),
];

function damage(frame: Uint8Array): Uint8Array {
  const kind = random(10);
  if (kind === 0) return frame.subarray(0, random(frame.length));
  if (kind === 1) frame[4 + random(4)] = pick([0, 1, 0x7f, 0xff]);
  for (let flips = kind < 5 && frame.length > 8 ? 1 + random(4) : 0; flips > 0; flips--) {
    frame[8 + random(frame.length - 8)] = random(3) === 0 ? pick([0, 1, 0x7f, 0x80, 0xff]) : random(256);
  }
  return frame;
}

const counts = { clients: 0, frames: 0, answered: 0 };

async function send(socket: Socket, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length && !socket.destroyed; ) {
    const size = 1 + random(random(3) === 0 ? 12 : bytes.length);
    socket.write(bytes.slice(at, at + size));
    at += size;
    if (random(8) === 0) await Bun.sleep(0);
  }
}

function open(path: string): Promise<Socket | undefined> {
  return new Promise((done) => {
    const socket = connect(path, () => done(socket));
    socket.once('error', () => done(undefined));
  });
}

async function misbehave(path: string): Promise<void> {
  const socket = await open(path);
  if (socket === undefined) return;
  counts.clients++;
  socket.on('error', () => {});
  if (random(4) === 0) socket.pause();
  else socket.resume();
  socket.write(planFrame({ before: treePlan({ kind: 'directory', path: root }) }));
  for (let count = random(30); count > 0 && !socket.destroyed; count--) {
    counts.frames++;
    await send(socket, damage(pick(requests)()));
  }
  if (random(2) === 0) socket.end();
  await Bun.sleep(random(20));
  socket.destroy();
}

async function askHonestly(trees: ReturnType<typeof createTrees>): Promise<void> {
  const asking = (async () => {
    await using tree = await trees.open(context, { kind: 'directory', path: root });
    if ((await tree.stat(context, '/', true))?.type !== 'directory')
      throw new Error('the root is no directory');
    counts.answered++;
  })();
  await Promise.race([asking, Bun.sleep(PATIENCE_MS).then(() => Promise.reject(new Error('no answer')))]);
}

/** What must not change, and what is in the way of those who want to get out. */
function prepare(): void {
  mkdirSync(root);
  writeFileSync(join(directory, 'canary'), 'untouched');
  symlinkSync(directory, join(root, 'link'));
  symlinkSync('../..', join(root, 'up'));
}

function problems(): string {
  const left = readdirSync(directory).filter((name) => !['root', 'canary', 'launcher'].includes(name));
  const complaints = left.map(
    (name) => `${name}:\n${name.startsWith('sanitizer') ? readFileSync(join(directory, name), 'utf8') : ''}`,
  );
  const canary =
    readFileSync(join(directory, 'canary'), 'utf8') === 'untouched' ? [] : ['the canary was touched'];
  return [...complaints, ...canary].join('\n');
}

async function fuzz(): Promise<void> {
  prepare();
  await using launcher = await openLauncher({
    binary,
    socket: join(directory, 'launcher'),
    log: context.log,
  });
  const trees = createTrees(launcher);
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until) {
    await Promise.all([
      ...Array.from({ length: CLIENTS }, () => misbehave(launcher.socket)),
      askHonestly(trees),
    ]);
    if (problems() !== '') return;
  }
}

let failure = '';
try {
  await fuzz();
} catch (error) {
  failure = String(error);
}
failure += problems();
rmSync(directory, { recursive: true, force: true });
if (failure !== '') {
  console.error(`seed ${seed}: ${failure}`);
  process.exit(1);
}
console.log(
  `seed ${seed}: ${counts.clients} clients sent ${counts.frames} frames, ${counts.answered} honest ones were answered`,
);
