import { internal, messageOf } from '../../base/errors.ts';
import type { ProcessTable } from '../contract.ts';
import type { Parts } from '../parts.ts';
import type { Entry } from '../record.ts';
import { listProcesses } from './process-list.ts';
import { isRestarting, runningTask } from './state-errors.ts';

const DEFAULT_ARGUMENTS = '-ef';

/** The host's `ps`, narrowed to a container's processes; without a `ps`, its "-ef" columns out of /proc. */
export async function topEntry(parts: Parts, entry: Entry, psArguments: string): Promise<ProcessTable> {
  const words = psArguments || DEFAULT_ARGUMENTS;
  checkArguments(words);
  const task = runningTask(entry);
  if (entry.container.state.status === 'restarting') throw isRestarting(entry.id);
  const pids = await task.processes(parts.background);
  const ps = Bun.which('ps');
  if (ps === null && words !== DEFAULT_ARGUMENTS) {
    throw internal('ps: executable file not found in $PATH', {
      hint: 'Install procps, or leave the arguments out.',
    });
  }
  const table = ps === null ? await listProcesses(pids) : await runPs(ps, words, pids);
  parts.events.container(entry.container, 'top');
  return table;
}

/** A column header of one's own could pose as the PID column. */
function checkArguments(words: string): void {
  for (const group of words.matchAll(/\s*([^\s=]+)=(\S*)/g)) {
    for (const [, name, title] of group[0].matchAll(/([^\s,=]+)=([^\s,]*)/g)) {
      if (name !== 'pid' && title === 'PID') {
        throw internal(`specifying "${name}=${title}" is not allowed`);
      }
    }
  }
}

async function runPs(ps: string, words: string, pids: readonly number[]): Promise<ProcessTable> {
  const args = words.split(' ').filter(Boolean);
  // Some options exclude -q; then everything is listed and filtered here.
  const output =
    (await execute(ps, [...args, `-q${pids.join(',')}`])) ?? (await execute(ps, args, true)) ?? '';
  return parsePsOutput(output, new Set(pids));
}

async function execute(ps: string, args: readonly string[], last = false): Promise<string | undefined> {
  const child = Bun.spawn([ps, ...args], { stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code === 0) return stdout;
  if (!last) return undefined;
  throw internal(`ps: ${stderr.split('\n')[0] || `exit status ${code}`}`);
}

/** Rows of the container's PIDs; a thread line ("-" for its PID) belongs to the process above it. */
export function parsePsOutput(output: string, pids: ReadonlySet<number>): ProcessTable {
  const [head = '', ...lines] = output.split('\n');
  const titles = head.split(/[\t\n\f\r ]+/).filter(Boolean);
  const column = titles.indexOf('PID');
  if (column < 0) throw internal("Couldn't find PID field in ps output");
  const processes: string[][] = [];
  let included = false;
  for (const line of lines) {
    const fields = line.split(/[\t\n\f\r ]+/).filter(Boolean);
    if (fields.length === 0) continue;
    const pid = fields[column] ?? '';
    if (pid !== '-') included = pids.has(parsePid(pid));
    if (!included) continue;
    const rest = fields.slice(titles.length - 1).join(' ');
    processes.push([...fields.slice(0, titles.length - 1), rest]);
  }
  return { titles, processes };
}

function parsePid(text: string): number {
  if (!/^\d+$/.test(text)) {
    throw internal(`Unexpected pid '${text}': ${messageOf(new Error('invalid syntax'))}`);
  }
  return Number(text);
}
