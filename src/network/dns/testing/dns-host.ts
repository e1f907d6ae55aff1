import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { background } from '../../../base/context.ts';
import { joinPlans } from '../../../plan/operations.ts';
import { type Supervisor, startSupervised } from '../../../runtime/supervisor.ts';
import { loopbackPlan } from '../../endpoint-plan.ts';
import { command, openNamespace, type TestNamespace } from '../../testing/namespaces.ts';
import { dnsPlan } from '../container-dns.ts';
import { NamesFiles } from '../names-files.ts';
import { anyDnsPort, type DnsSettings } from '../settings.ts';
import type { Answer } from './message.ts';

/** For tests: a network namespace that stands for the host, with DNS servers of its own, and containers that have but loopback. */
export class DnsHost implements AsyncDisposable {
  readonly namespace: TestNamespace;
  readonly names: NamesFiles;
  /** Its resolv.conf. */
  readonly resolvConf: string;
  readonly #directory: string;
  readonly #servers: Bun.Subprocess[] = [];
  readonly #containers: DnsContainer[] = [];

  private constructor(namespace: TestNamespace, directory: string) {
    this.namespace = namespace;
    this.names = new NamesFiles(join(directory, 'names'));
    this.names.open(new Set());
    this.resolvConf = join(directory, 'resolv.conf');
    this.#directory = directory;
  }

  static async open(label: string): Promise<DnsHost> {
    const directory = await mkdtemp(join(tmpdir(), 'sampan-dns-'));
    return new DnsHost(await openNamespace(label), directory);
  }

  /** Replaces its resolv.conf. */
  async setServers(...addresses: readonly string[]): Promise<void> {
    const lines = addresses.map((address) => `nameserver ${address}\n`);
    await writeFile(this.resolvConf, `# servers\nsearch example\n${lines.join('')}`);
  }

  /** Starts a server that answers with `mark`; see upstream.ts. Returns what it was asked so far. */
  async serve(
    address: string,
    mark: string,
    within: readonly string[] = this.#inside(),
  ): Promise<() => string[]> {
    const words = [...within, process.execPath, join(import.meta.dir, 'upstream.ts'), address, mark];
    const server = Bun.spawn(words, { stdout: 'pipe', stderr: 'inherit' });
    this.#servers.push(server);
    const asked: string[] = [];
    const ready = Promise.withResolvers<void>();
    (async () => {
      for await (const chunk of server.stdout) {
        asked.push(...Buffer.from(chunk).toString().trim().split('\n'));
        ready.resolve();
      }
      ready.reject(new Error(`no DNS server on ${address}`));
    })();
    await ready.promise;
    return () => asked.slice(1);
  }

  settings(settings: Partial<DnsSettings>): DnsSettings {
    return {
      forwards: true,
      dotlessStay: false,
      port: anyDnsPort(),
      resolvConf: this.resolvConf,
      servers: [],
      networks: [],
      ...settings,
    };
  }

  /** Starts a container; without settings one that has no DNS server yet. */
  async start(settings: DnsSettings | undefined): Promise<DnsContainer> {
    const socket = join(this.#directory, `socket-${this.#containers.length}`);
    const plan = joinPlans(
      { before: [{ op: 'supervise', socket, stateFile: `${socket}.state` }] },
      { before: [{ op: 'clone', flags: CLONE_NEWNET, cgroup: -1 }] },
      settings === undefined ? {} : dnsPlan(settings),
      loopbackPlan(),
      { child: [{ op: 'exec', argv: ['/bin/sleep', '1000'], env: [] }] },
    );
    const launcher = this.namespace.launcher.socket;
    const { supervisor } = await startSupervised(background(), { launcher, plan, socket, attach: [] });
    const container = new DnsContainer(supervisor, socket);
    this.#containers.push(container);
    return container;
  }

  #inside(): readonly string[] {
    return ['nsenter', `--net=/run/netns/${this.namespace.name}`];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const container of this.#containers) await container.end();
    for (const server of this.#servers) {
      server.kill();
      await server.exited;
    }
    await this.namespace[Symbol.asyncDispose]();
    await rm(this.#directory, { recursive: true });
  }
}

const CLONE_NEWNET = 0x40000000;
const SIGKILL = 9;

export class DnsContainer {
  readonly supervisor: Supervisor;
  /** Of the supervisor. */
  readonly socket: string;

  constructor(supervisor: Supervisor, socket: string) {
    this.supervisor = supervisor;
    this.socket = socket;
  }

  /** The words that run a command in its network. */
  get inside(): readonly string[] {
    return ['nsenter', '-t', String(this.supervisor.pid), '-n'];
  }

  run(...words: readonly string[]): Promise<string> {
    return command([...this.inside, ...words]);
  }

  /** Asks its DNS server; see ask.ts for the form of questions. */
  ask(...questions: readonly string[]): Promise<readonly (Answer | null)[]> {
    return this.askFor(3000, ...questions);
  }

  /** The same, waiting no longer than so many milliseconds. */
  async askFor(patience: number, ...questions: readonly string[]): Promise<readonly (Answer | null)[]> {
    const program = [process.execPath, join(import.meta.dir, 'ask.ts')];
    return JSON.parse(await this.run('env', `ASK_PATIENCE=${patience}`, ...program, ...questions));
  }

  /** The records of each answer; its code where it is not 0. */
  async look(...questions: readonly string[]): Promise<readonly (readonly string[] | number | null)[]> {
    const answers = await this.ask(...questions);
    return answers.map((answer) =>
      answer === null || answer.code === 0 ? (answer?.records ?? null) : answer.code,
    );
  }

  async end(): Promise<void> {
    await this.supervisor.signal(background(), SIGKILL).catch(() => {});
    await this.supervisor.exited.catch(() => {});
    this.supervisor.close();
  }
}
