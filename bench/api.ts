/** The few API calls that the cases are made of. */
export class Api {
  readonly #socket: string;

  constructor(socket: string) {
    this.#socket = socket;
  }

  async call<T = unknown>(method: string, path: string, body?: unknown): Promise<T> {
    const init =
      body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } };
    const answer = await fetch(`http://bench${path}`, { method, unix: this.#socket, ...init });
    const text = await answer.text();
    if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return (text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text) as T;
  }

  async upload(path: string, body: Blob | Buffer): Promise<string> {
    const answer = await fetch(`http://bench${path}`, { method: 'POST', unix: this.#socket, body });
    const text = await answer.text();
    if (answer.status >= 400 || text.includes('errorDetail')) throw new Error(`POST ${path}: ${text}`);
    return text;
  }

  async create(command: readonly string[], networkMode: string, port?: string): Promise<string> {
    const PortBindings = port === undefined ? {} : { [`${port}/tcp`]: [{ HostPort: port }] };
    const ExposedPorts = Object.fromEntries(Object.keys(PortBindings).map((key) => [key, {}]));
    const HostConfig = { NetworkMode: networkMode, PortBindings };
    const spec = { Image: 'busybox', Cmd: command, ExposedPorts, HostConfig };
    return (await this.call<{ Id: string }>('POST', '/containers/create', spec)).Id;
  }

  /** Create, start, wait and remove. */
  async life(networkMode: string): Promise<void> {
    const id = await this.create(['true'], networkMode);
    const exited = this.call('POST', `/containers/${id}/wait?condition=next-exit`);
    await this.call('POST', `/containers/${id}/start`);
    await exited;
    await this.call('DELETE', `/containers/${id}`);
  }

  async exec(container: string): Promise<void> {
    const config = { Cmd: ['true'], AttachStdout: true, AttachStderr: true };
    const { Id } = await this.call<{ Id: string }>('POST', `/containers/${container}/exec`, config);
    await this.call('POST', `/exec/${Id}/start`, { Detach: false, Tty: false });
    const { ExitCode } = await this.call<{ ExitCode: number }>('GET', `/exec/${Id}/json`);
    if (ExitCode !== 0) throw new Error(`exec ended with ${ExitCode}`);
  }

  /** `port`: a TCP port to publish under its own number. */
  async running(networkMode: string, port?: string): Promise<string> {
    const id = await this.create(['sleep', '3600'], networkMode, port);
    await this.call('POST', `/containers/${id}/start`);
    return id;
  }

  async remove(id: string): Promise<void> {
    await this.call('DELETE', `/containers/${id}?force=1`);
  }
}
