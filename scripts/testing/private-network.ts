import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

/** What some kernels put into every network namespace. */
const fallbackDevice = /^(lo|sit0|tunl0|gre0|gretap0|erspan0|ip_vti0|ip6_vti0|ip6tnl0|ip6gre0)$/;

/** A network namespace with nothing but loopback, in which tests cannot disturb the machine's network. It ends with this process. */
export class PrivateNetwork implements AsyncDisposable {
  readonly #holder: ChildProcess;

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
  }

  static async open(): Promise<PrivateNetwork> {
    const script = 'ip link set lo up && echo ready && read -r _';
    const holder = spawn('unshare', ['--net', 'sh', '-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = once(holder, 'exit').then(() => {
      throw new Error('cannot make a network namespace: the tests need root');
    });
    await Promise.race([once(holder.stdout, 'data'), ended]);
    ended.catch(() => {});
    return new PrivateNetwork(holder);
  }

  /** The command that runs another one in here. */
  enter(command: readonly string[]): string[] {
    return ['nsenter', `--net=/proc/${this.#holder.pid}/ns/net`, ...command];
  }

  /** The network devices and firewall tables that are in here. */
  contents(): string[] {
    const devices = this.#output('ip', '-o', 'link')
      .map((line) => line.split(/[ :@]+/)[1] ?? '')
      .filter((name) => !fallbackDevice.test(name));
    return [...devices.map((name) => `network device ${name}`), ...this.#output('nft', 'list', 'tables')];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#holder.kill('SIGKILL');
    if (this.#holder.exitCode === null && this.#holder.signalCode === null) await once(this.#holder, 'exit');
  }

  #output(...command: string[]): string[] {
    const [program = '', ...args] = this.enter(command);
    const { stdout } = spawnSync(program, args, { encoding: 'utf8' });
    return stdout.split('\n').filter((line) => line !== '');
  }
}
