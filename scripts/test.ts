/**
 * Runs every test and closes with the runner's own totals, "N passed, N failed". Arguments choose files by part of their path.
 *
 * Tests run in a network namespace of their own and below a temporary directory of their own; what they leave behind is a failure.
 */
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clearLeftovers, findLeftovers } from './testing/leftovers.ts';
import { PrivateNetwork } from './testing/private-network.ts';
import { countLine, type Totals } from './testing/totals.ts';

const root = join(import.meta.dir, '..');

/** They fetch Debian's packages, so they run in the machine's own network namespace. */
const outside = [
  'test/integration/build-seeds.test.ts',
  'test/integration/compose.test.ts',
  'test/integration/workload.test.ts',
];

/** Runs in a network of its own, on a root that is made before, where packages can be had. */
const onNginx = 'test/integration/seeds.test.ts';

/** How long the kernel may take with what it clears away in the background: network namespaces, cgroups. */
const PATIENCE = 10_000;

const directory = mkdtempSync(join(tmpdir(), 'spt-'));
// As /tmp is: tests run programs as other users in it.
chmodSync(directory, 0o1777);
const pids: number[] = [];
const totals: Totals = { passed: 0, failed: 0 };

/** Runs a program to its end and shows what it says. Its exit code. */
async function run(command: readonly string[], onLine: (line: string) => void = () => {}): Promise<number> {
  const [program = '', ...args] = command;
  const environment = { ...process.env, TMPDIR: directory };
  const child = spawn(program, args, { cwd: root, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  pids.push(child.pid ?? 0);
  const exited = new Promise<number>((resolve) => {
    child.on('close', (code) => resolve(code ?? 1));
    child.on('error', () => resolve(1));
  });
  await Promise.all([follow(child.stdout, onLine), follow(child.stderr, onLine)]);
  return exited;
}

async function follow(source: NodeJS.ReadableStream, onLine: (line: string) => void): Promise<void> {
  let rest = '';
  for await (const chunk of source) {
    process.stdout.write(chunk);
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  }
  onLine(rest);
}

async function runTests(files: readonly string[], enter: (command: string[]) => string[]): Promise<void> {
  if (files.length === 0) return;
  const before = totals.failed;
  const command = [process.execPath, 'test', '--timeout', '120000', ...files.map((file) => `./${file}`)];
  const code = await run(enter(command), (line) => countLine(totals, line));
  // A runner that fell over without saying so.
  if (code !== 0 && totals.failed === before) totals.failed++;
}

async function runFuzzer(file: string, enter: (command: string[]) => string[]): Promise<void> {
  console.log(`\n${file}:`);
  if ((await run(enter([process.execPath, file]))) === 0) totals.passed++;
  else totals.failed++;
}

async function checkLeftovers(find: () => string[]): Promise<void> {
  let left = find();
  for (const end = Date.now() + PATIENCE; left.length > 0 && Date.now() < end; left = find())
    await Bun.sleep(100);
  if (left.length > 0) console.log(`\nleft behind:\n${left.join('\n')}`);
  totals.failed += left.length;
}

function filesIn(pattern: string): string[] {
  const chosen = process.argv.slice(2).map((part) => part.replace(/^\.\//, ''));
  return [...new Bun.Glob(pattern).scanSync({ cwd: root })]
    .filter((file) => chosen.length === 0 || chosen.some((part) => file.includes(part)))
    .sort();
}

async function runAll(): Promise<void> {
  if ((await run(['sh', 'scripts/build-native.sh', '--sanitized'])) !== 0) totals.failed++;
  await using network = await PrivateNetwork.open();
  const enter = (command: string[]): string[] => network.enter(command);
  const tests = filesIn('{src,scripts,native,test}/**/*.test.ts');
  if (tests.includes(onNginx)) await run([process.execPath, 'test/fixtures/debian-root.ts', 'nginx']);
  await runTests(
    tests.filter((file) => !outside.includes(file)),
    enter,
  );
  for (const fuzzer of filesIn('test/fuzz/*.ts')) await runFuzzer(fuzzer, enter);
  await runTests(
    tests.filter((file) => outside.includes(file)),
    (command) => command,
  );
  await checkLeftovers(() => [...findLeftovers({ directory, pids }), ...network.contents()]);
}

try {
  await runAll();
} catch (error) {
  console.log(error);
  totals.failed++;
} finally {
  await clearLeftovers({ directory, pids });
}
console.log(`${totals.passed} passed, ${totals.failed} failed`);
process.exit(totals.failed === 0 && totals.passed > 0 ? 0 : 1);
