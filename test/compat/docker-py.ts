/**
 * Runs docker-py's own integration tests against a Sampan daemon: `bun test/compat/docker-py.ts CHECKOUT [pytest argument…]`.
 *
 * CHECKOUT is a clone of the public repository docker/docker-py; Debian's packages python3-pytest, python3-pytest-timeout, python3-requests,
 * python3-paramiko, docker-registry and openssl must be installed. A registry on loopback has Docker Hub's name and a certificate for it. Each case that does not pass
 * must be in `docker-py.json`, with the reason; the run fails on any other, and on cases listed there that pass by now.
 */
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestAuthority } from '../../src/distribution/testing/authority.ts';
import { makeBusyboxRoot, tarOf } from '../fixtures/busybox-root.ts';
import { DockerRegistry } from '../fixtures/docker-registry.ts';
import { buildStaticProgram } from '../fixtures/static-program.ts';
import { TestDaemon } from '../fixtures/test-daemon.ts';
import reasons from './docker-py.json' with { type: 'json' };

interface Case {
  readonly name: string;
  readonly passed: boolean;
  readonly skipped: boolean;
}

/** Reasons by a case's name, or by the start of several names' ("api_swarm_test"). */
const known: Readonly<Record<string, string>> = reasons;

const [checkout, ...chosen] = process.argv.slice(2);
if (checkout === undefined)
  throw new Error('usage: bun test/compat/docker-py.ts CHECKOUT [pytest argument…]');
if (process.env['SAMPAN_PRIVATE_NETWORK'] === undefined) {
  // Mounts are shared, as systemd leaves them: cases count on it.
  const again = [
    '--net',
    '--mount',
    '--propagation',
    'shared',
    'sh',
    '-c',
    'ip link set lo up && exec "$@"',
    'sh',
    ...process.argv,
  ];
  const environment = { ...process.env, SAMPAN_PRIVATE_NETWORK: '1' };
  const { status } = spawnSync('unshare', again, { stdio: 'inherit', env: environment });
  process.exit(status ?? 1);
}
const home = mkdtempSync(join(tmpdir(), 'docker-py-'));
try {
  process.exitCode = await runCases(checkout, chosen);
} finally {
  rmSync(home, { recursive: true, force: true });
}

async function runCases(directory: string, args: readonly string[]): Promise<number> {
  await using hub = await startHub();
  await fillHub(hub);
  await using daemon = await TestDaemon.start(['--registry-certs-dir', join(home, 'certs')]);
  daemon.sampan('pull', '-q', 'busybox');
  const report = join(home, 'report.xml');
  await pytest(directory, daemon.socket, ['--timeout', '120', `--junitxml=${report}`, ...args]);
  clear(daemon);
  return judge(casesOf(readFileSync(report, 'utf8')), args.length === 0);
}

/** Docker Hub, as far as this mount namespace can see. */
async function startHub(): Promise<DockerRegistry> {
  const name = 'registry-1.docker.io';
  using authority = new TestAuthority();
  const hosts = join(home, 'hosts');
  writeFileSync(hosts, `127.0.0.1 localhost ${name}\n`);
  spawnSync('mount', ['--bind', hosts, '/etc/hosts']);
  const trusted = join(home, 'certs', name);
  mkdirSync(trusted, { recursive: true });
  writeFileSync(join(trusted, 'hub.crt'), authority.cert);
  return DockerRegistry.start({}, { name, port: 443, tls: authority.issue('hub', `DNS:${name}`) });
}

/** The images that the cases pull, by the names that they have on Docker Hub. */
async function fillHub(registry: DockerRegistry): Promise<void> {
  const root = join(home, 'root');
  mkdirSync(root);
  makeBusyboxRoot(root);
  mkdirSync(join(root, 'var/opt'));
  appendFileSync(join(root, 'etc/passwd'), 'postgres:x:70:70::/var/lib/postgresql:/bin/sh\n');
  const shell = { Cmd: ['sh'], Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'] };
  const tar = tarOf(root);
  for (const [name, tag] of Object.entries({ busybox: 'latest', alpine: 'latest' })) {
    await registry.push(`library/${name}`, tag, [tar], shell);
  }
  await registry.push('library/alpine', '3.10', [tar], { ...shell, Labels: { release: '3.10' } });
  const hello = join(home, 'hello');
  mkdirSync(hello);
  spawnSync('cp', [buildStaticProgram('hello-world'), join(hello, 'hello')]);
  await registry.push('library/hello-world', 'latest', [tarOf(hello)], { Cmd: ['/hello'] });
}

/** What a case that failed did not clear away. */
function clear(daemon: TestDaemon): void {
  for (const id of daemon.sampan('ps', '-aq').split('\n').filter(Boolean)) daemon.sampan('rm', '-fv', id);
}

function pytest(directory: string, socket: string, args: readonly string[]): Promise<void> {
  // Without it docker-py keeps contexts in the working directory.
  mkdirSync(join(home, '.docker'));
  writeFileSync(join(home, '.docker/config.json'), '{}');
  const environment = {
    ...process.env,
    DOCKER_HOST: `unix://${socket}`,
    DOCKER_TEST_API_VERSION: '1.45',
    HOME: home,
    SETUPTOOLS_SCM_PRETEND_VERSION: '7.1.0',
    PYTHONPATH: directory,
    PYTHONDONTWRITEBYTECODE: '1',
  };
  const command = ['-m', 'pytest', '-q', '-p', 'no:cacheprovider', 'tests/integration', ...args];
  const child = spawn('/usr/bin/python3', command, { cwd: directory, env: environment, stdio: 'inherit' });
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

function casesOf(report: string): Case[] {
  const cases = report.matchAll(
    /<testcase classname="([^"]+)" name="([^"]+)"[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/g,
  );
  return [...cases].map(([, path = '', name = '', body = '']) => ({
    name: `${path.replace('tests.integration.', '')}.${name}`,
    passed: !/<(failure|error|skipped)/.test(body),
    skipped: body.includes('<skipped'),
  }));
}

function reasonOf(name: string): string | undefined {
  const key = Object.keys(known).find((start) => name === start || name.startsWith(`${start}.`));
  return key === undefined ? undefined : known[key];
}

/** Cases that count on something being done before they look, and do not wait for it. */
function isMoody(name: string): boolean {
  return reasonOf(name)?.startsWith('(sometimes)') === true;
}

function judge(cases: readonly Case[], isWhole: boolean): number {
  const bad = cases.filter(({ name, passed }) => !passed && reasonOf(name) === undefined);
  const better = cases.filter(({ name, passed }) => passed && name in known && !isMoody(name));
  const gone = isWhole
    ? Object.keys(known).filter((key) => !cases.some(({ name }) => name.startsWith(key)))
    : [];
  for (const { name, skipped } of bad) console.log(`${skipped ? 'skipped' : 'failed'}: ${name}`);
  for (const { name } of better) console.log(`passes, though listed: ${name}`);
  for (const name of gone) console.log(`listed, but no case: ${name}`);
  const passed = cases.filter((item) => item.passed).length;
  console.log(
    `${cases.length} cases, ${passed} passed, ${cases.length - passed - bad.length} have a reason, ${bad.length} have none`,
  );
  return bad.length + better.length + gone.length === 0 && cases.length > 0 ? 0 : 1;
}
