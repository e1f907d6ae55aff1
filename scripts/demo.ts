/** A guided tour: a web server in a container, from an image made on the spot to nothing left behind. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeBusyboxRoot, tarOf } from '../test/fixtures/busybox-root.ts';

const program = join(import.meta.dir, '../sampan');
const home = mkdtempSync(join(tmpdir(), 'sampan-demo-'));
const socket = join(home, 'sampan.sock');
const environment = { ...process.env, SAMPAN_HOST: `unix://${socket}` };

function say(text: string): void {
  console.log(`\n\x1b[1m${text}\x1b[0m`);
}

/** Shows a command, runs it, shows and returns what it printed; a command that fails ends the demo. */
function sampan(args: readonly string[], options: { input?: Buffer; quiet?: boolean } = {}): string {
  if (!options.quiet)
    console.log(`$ sampan ${args.map((arg) => (/[\s'"{}$<>;]/.test(arg) ? `'${arg}'` : arg)).join(' ')}`);
  const { stdout, stderr, status } = spawnSync(program, args, {
    env: environment,
    encoding: 'utf8',
    input: options.input,
  });
  if (!options.quiet) process.stdout.write(stdout + stderr);
  if (status !== 0) throw new Error(`sampan ${args.join(' ')} exited with ${status}: ${stderr}`);
  return stdout.trim();
}

async function startDaemon(): Promise<{ stop(): Promise<void> }> {
  const flags = [
    '--data-root',
    join(home, 'data'),
    '--exec-root',
    join(home, 'run'),
    '--pidfile',
    join(home, 'pid'),
  ];
  const settings = ['--bridge', 'sampan-demo', '--log-level', 'warn', '-H', `unix://${socket}`];
  const daemon = spawn(program, ['daemon', ...flags, ...settings], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => daemon.once('exit', () => resolve()));
  for (let tries = 0; !existsSync(socket); tries++) {
    if (daemon.exitCode !== null || tries > 200) throw new Error('the daemon did not start');
    await Bun.sleep(25);
  }
  return {
    async stop() {
      daemon.kill('SIGTERM');
      await ended;
    },
  };
}

async function page(address: string, port: string): Promise<string> {
  const answer = await fetch(`http://${address}:${port}/`);
  return (await answer.text()).trim();
}

function outsideAddress(): string | undefined {
  const all = Object.entries(networkInterfaces()).flatMap(([name, list]) =>
    name.startsWith('sampan') ? [] : (list ?? []),
  );
  return all.find((entry) => entry.family === 'IPv4' && !entry.internal)?.address;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

async function request(method: string, path: string, body?: object): Promise<unknown> {
  const init =
    body === undefined ? {} : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } };
  const answer = await fetch(`http://sampan${path}`, { method, unix: socket, ...init });
  if (answer.status >= 400) throw new Error(await answer.text());
  const text = await answer.text();
  return text === '' ? undefined : JSON.parse(text);
}

/** Milliseconds of create + start + wait + remove through the API. */
async function lifeOfOne(networkMode: string): Promise<number> {
  const begin = performance.now();
  const spec = { Image: 'busybox', Cmd: ['true'], HostConfig: { NetworkMode: networkMode } };
  const { Id } = (await request('POST', '/containers/create', spec)) as { Id: string };
  const exited = request('POST', `/containers/${Id}/wait?condition=next-exit`);
  await request('POST', `/containers/${Id}/start`);
  await exited;
  await request('DELETE', `/containers/${Id}`);
  return performance.now() - begin;
}

async function tour(): Promise<void> {
  say("1. A base image, made of Debian's busybox: one layer, imported from a tar.");
  importBase();
  say(
    '2. A web server in a container: a published port, 32 MB of memory at most, its page from a directory of the host.',
  );
  serve();
  say('3. The page, through the published port.');
  await visit();
  say('4. What it wrote, what runs in it, what it may use.');
  sampan(['logs', 'web']);
  sampan(['exec', 'web', 'sh', '-c', 'echo "I am process $$ of $(hostname), and see:"; ps']);
  sampan(['stats', '--no-stream', 'web']);
  say('5. How long a container takes: create, start, wait and remove through the API, median of 20.');
  for (const mode of ['none', 'bridge']) await measureLives(mode);
  say('6. Everything away again.');
  sampan(['stop', '-t', '2', 'web']);
  sampan(['rm', 'web']);
  sampan(['rmi', 'busybox']);
  sampan(['ps', '-a']);
}

function importBase(): void {
  const root = join(home, 'root');
  mkdirSync(root);
  makeBusyboxRoot(root);
  sampan(['import', '--change', 'CMD ["sh"]', '--message', 'busybox from Debian', '-', 'busybox'], {
    input: tarOf(root),
  });
  sampan(['images']);
}

function serve(): void {
  const site = join(home, 'site');
  mkdirSync(site);
  writeFileSync(join(site, 'index.html'), '<h1>Hello from inside a container</h1>\n');
  const server = ['httpd', '-f', '-v', '-p', '80', '-h', '/site'];
  const settings = ['--name', 'web', '-p', '80', '-m', '32m', '-v', `${site}:/site:ro`];
  sampan(['run', '-d', ...settings, 'busybox', ...server]);
  sampan(['ps']);
}

async function visit(): Promise<void> {
  const port = sampan(['port', 'web', '80/tcp']).split('\n')[0]?.split(':').at(-1) ?? '';
  for (const address of ['127.0.0.1', outsideAddress()]) {
    if (address !== undefined) console.log(`http://${address}:${port}/ -> ${await page(address, port)}`);
  }
}

async function measureLives(networkMode: string): Promise<void> {
  await lifeOfOne(networkMode);
  const times: number[] = [];
  for (let run = 0; run < 20; run++) times.push(await lifeOfOne(networkMode));
  console.log(`${networkMode.padEnd(8)} ${median(times).toFixed(1)} ms`);
}

console.log(`Sampan, with its state under ${home}`);
const daemon = await startDaemon();
try {
  await tour();
} finally {
  await daemon.stop();
  rmSync(home, { recursive: true, force: true });
}
say('Done: no container, image, network device or file is left.');
