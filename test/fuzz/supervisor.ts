/**
 * A bounded fuzzer of the supervisor's protocol: clients send requests that are well formed, damaged or torn, in pieces of any size, read
 * nothing or everything, and leave when they like. Meanwhile an honest client must get its answers, and no sanitizer may complain.
 *
 * Usage: bun test/fuzz/supervisor.ts [seconds] [seed]; build/sampan-launcher-asan is what is tested, or SAMPAN_LAUNCHER.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { encodePlan } from '../../src/plan/encode.ts';
import type { Operation } from '../../src/plan/operations.ts';
import { encodeFrame } from '../../src/runtime/frames.ts';
import { connectSupervisor } from '../../src/runtime/supervisor.ts';
import {
  encodeAttach,
  encodeExec,
  encodeLogRotation,
  encodeResize,
  encodeSignal,
  supervisorFrames as frames,
} from '../../src/runtime/supervisor-protocol.ts';
import { context, execPlan, openSupervisorFixture } from '../../src/runtime/testing/supervisor-fixture.ts';

const seconds = Number(process.argv[2] ?? 20);
let state = Number(process.argv[3] ?? Date.now() % 2 ** 31);
const seed = state;
const CLIENTS = 24;
/** How long the honest client may wait for an answer: one stuck reader delays others for three seconds. */
const PATIENCE_MS = 20_000;

const reports = join(tmpdir(), `sampan-fuzz-supervisor-${process.pid}`);
process.env['SAMPAN_LAUNCHER'] ??= resolve(import.meta.dir, '../../build/sampan-launcher-asan');
process.env['ASAN_OPTIONS'] = `detect_leaks=0:log_path=${reports}`;
process.env['UBSAN_OPTIONS'] = `print_stacktrace=1:log_path=${reports}`;

/** Park and Miller's generator: the same seed sends the same bytes again, though not at the same moments. */
function random(below: number): number {
  state = (state * 48271) % 2147483647;
  return state % below;
}

function pick<T>(items: readonly T[]): T {
  return items[random(items.length)] as T;
}

function randomBytes(limit: number): Uint8Array {
  return Uint8Array.from({ length: random(limit) }, () => random(256));
}

const ids = ['', 'e1', 'e2', 'x'.repeat(64), 'x'.repeat(65), '"', '../..'];
/** SIGWINCH, SIGCONT, and what is no signal: the process shall live. */
const signals = [0, 18, 28, 65, 200, 255];
const programs = [['true'], ['cat'], ['sh', '-c', 'head -c 300000 /dev/zero'], ['/missing']];

function randomPlan(): Uint8Array {
  const terminal = random(4) === 0;
  const plan = encodePlan(execPlan({ argv: pick(programs), stdin: random(2) === 0, terminal }));
  // Shortened only: a plan with other bytes could be carried out.
  return random(4) === 0 ? plan.subarray(0, random(plan.length)) : plan;
}

/** Ports of an address that only this fuzzer uses; some are taken twice, some lead nowhere, some steps are none to publish by. */
function randomPorts(): Uint8Array {
  const before = Array.from({ length: random(6) }, (): Operation => {
    if (random(12) === 0) return { op: 'close', slot: random(64) };
    return {
      op: 'publish',
      protocol: pick([6, 17, 132, random(256)]),
      hostAddress: pick(['127.0.66.1', '127.0.66.1', '::1', '127.0.66', '']),
      hostPort: pick([7000, 7001, 7002, 70_000]),
      address: pick(['127.0.66.2', '::1', 'nobody']),
      port: random(65536),
    };
  });
  const plan = encodePlan({ before, after: random(3) === 0 ? [{ op: 'close', slot: 3 }] : [] });
  return random(4) === 0 ? plan.subarray(0, random(plan.length)) : plan;
}

function attachOptions() {
  const flag = (): boolean => random(2) === 0;
  return { stdin: flag(), stdout: flag(), stderr: flag(), detachKeys: randomBytes(random(2) * 64) };
}

const requests: readonly (() => Uint8Array)[] = [
  () => encodeAttach(pick(ids), attachOptions()),
  () => encodeFrame(frames.stdin, randomBytes(9000)),
  () => encodeFrame(frames.stdinEnd),
  () => encodeResize(pick(ids), { rows: random(65536), columns: random(65536) }),
  () => encodeSignal(pick(ids), pick(signals)),
  () => encodeExec(pick(ids), random(2) === 0 ? attachOptions() : undefined, randomPlan()),
  () => encodeFrame(frames.publish, randomPorts()),
  () => encodeLogRotation({ maxSize: random(2 ** 30), maxFiles: random(65536), compress: random(2) === 0 }),
  () => encodeFrame(frames.status),
  () => encodeFrame(frames.wait),
  () => encodeFrame(pick([frames.hold, frames.release])),
  () => encodeFrame(random(256) & ~frames.exec, randomBytes(80)),
];

/** EXEC and SIGNAL stay whole, as others' bytes could become a plan or a signal that ends the process; of others any byte may change. */
function damage(frame: Uint8Array): Uint8Array {
  const kind = random(8);
  if (frame[0] === frames.exec || frame[0] === frames.signal || kind > 3) return frame;
  if (kind === 0) return frame.subarray(0, random(frame.length));
  if (kind === 1) frame[4 + random(4)] = pick([0, 1, 0x7f, 0xff]);
  else if (kind === 2) frame[1 + random(3)] = random(256);
  else if (frame.length > 8) frame[8 + random(frame.length - 8)] = random(256);
  return frame;
}

function open(path: string): Promise<Socket | undefined> {
  return new Promise((done) => {
    const socket = connect(path, () => done(socket));
    socket.once('error', () => done(undefined));
  });
}

const counts = { clients: 0, requests: 0, answered: 0 };

async function send(socket: Socket, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length && !socket.destroyed; ) {
    const size = 1 + random(random(3) === 0 ? 12 : bytes.length);
    socket.write(bytes.subarray(at, at + size));
    at += size;
    if (random(4) === 0) await Bun.sleep(0);
  }
}

async function misbehave(path: string): Promise<void> {
  const socket = await open(path);
  if (socket === undefined) return;
  counts.clients++;
  socket.on('error', () => {});
  if (random(4) === 0) socket.pause();
  else socket.resume();
  for (let count = random(30); count > 0 && !socket.destroyed; count--) {
    counts.requests++;
    await send(socket, damage(pick(requests)()));
  }
  if (random(2) === 0) socket.end();
  await Bun.sleep(random(20));
  socket.destroy();
}

function withPatience<T>(work: Promise<T>, what: string): Promise<T> {
  const late = Bun.sleep(PATIENCE_MS).then(() => Promise.reject(new Error(`no answer to ${what}`)));
  return Promise.race([work, late]);
}

/** Comes in by a port that others open, close and lead elsewhere meanwhile. */
async function visit(): Promise<void> {
  const socket = connect({ host: '127.0.66.1', port: pick([7000, 7001]) });
  socket.on('error', () => {});
  socket.write(randomBytes(5000));
  await Bun.sleep(random(20));
  socket.destroy();
}

/** A client that keeps to the protocol is served, whatever the others do. */
async function askHonestly(path: string): Promise<void> {
  const supervisor = await withPatience(connectSupervisor(context, path), 'WAIT');
  await withPatience(supervisor.signal(context, 28), 'SIGNAL');
  supervisor.exited.catch(() => {});
  supervisor.close();
  counts.answered++;
}

function complaints(): string {
  const directory = tmpdir();
  const names = readdirSync(directory).filter((name) => join(directory, name).startsWith(`${reports}.`));
  return names.map((name) => readFileSync(join(directory, name), 'utf8')).join('\n');
}

async function fuzz(terminal: boolean, until: number): Promise<void> {
  await using fixture = await openSupervisorFixture();
  // On a terminal some of the random bytes are keys that interrupt.
  const argv = ['sh', '-c', 'trap "" WINCH INT QUIT TSTP HUP; while :; do echo line; sleep 0.01; done'];
  const { supervisor } = await fixture.start('fuzzed', { argv, terminal, stdin: true, attach: [] });
  const path = fixture.file('fuzzed', 'socket');
  while (performance.now() < until) {
    const clients = Array.from({ length: CLIENTS }, () => misbehave(path));
    const visitors = Array.from({ length: 4 }, () => visit());
    await askHonestly(path);
    await Promise.all([...clients, ...visitors]);
    if (complaints() !== '') throw new Error(complaints());
    if (!existsSync(`/proc/${supervisor.pid}`)) {
      throw new Error(`the process has ended: ${JSON.stringify(await supervisor.exited)}`);
    }
  }
  await withPatience(supervisor.signal(context, 9), 'SIGKILL');
  await withPatience(supervisor.exited, 'the end');
}

try {
  const end = performance.now() + seconds * 1000;
  await fuzz(false, end - seconds * 500);
  await fuzz(true, end);
  if (complaints() !== '') throw new Error(complaints());
} catch (error) {
  console.error(`seed ${seed}: ${error instanceof Error ? error.stack : error}\nReports are ${reports}.*`);
  process.exit(1);
}
const { clients, requests: sent, answered } = counts;
console.log(
  `seed ${seed}: ${clients} clients sent ${sent} requests; the honest one was answered ${answered} times`,
);
process.exit(0);
