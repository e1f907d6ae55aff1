/** Runs every test and closes with the runner's own totals, "N passed, N failed". Arguments choose folders or files. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dir, '..');

interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

/** The closing lines of `bun test`: " 12 pass", " 0 fail", " 1 skip", " 1 todo", " 1 error". */
function countLine(totals: Totals, line: string): void {
  const [, count, kind] = /^\s*(\d+) (pass|fail|skip|todo|errors?)\s*$/.exec(line) ?? [];
  if (kind === 'pass') totals.passed += Number(count);
  else if (kind === 'skip' || kind === 'todo') totals.skipped += Number(count);
  else if (kind !== undefined) totals.failed += Number(count);
}

async function run(command: readonly string[], onLine: (line: string) => void): Promise<number> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const follow = async (source: NodeJS.ReadableStream): Promise<void> => {
    let rest = '';
    for await (const chunk of source) {
      process.stdout.write(chunk);
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onLine(line);
    }
    onLine(rest);
  };
  const exited = new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? 1)));
  await Promise.all([follow(child.stdout), follow(child.stderr)]);
  return exited;
}

const totals: Totals = { passed: 0, failed: 0, skipped: 0 };
const chosen = process.argv.slice(2);
const targets = chosen.length > 0 ? chosen : ['src', 'scripts', 'native', 'test'];

const built = await run(['sh', 'scripts/build-native.sh', '--sanitized'], () => {});
const tested = await run([process.execPath, 'test', '--timeout', '120000', ...targets], (line) =>
  countLine(totals, line),
);

// A test that did not run is no pass, and a runner that fell over without saying so is a failure.
const failed = totals.failed + totals.skipped + built + (tested !== 0 && totals.failed === 0 ? 1 : 0);
console.log(`${totals.passed} passed, ${failed} failed`);
process.exit(failed === 0 && totals.passed > 0 ? 0 : 1);
