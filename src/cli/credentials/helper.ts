import { messageOf } from '../../base/errors.ts';
import { isJsonObject } from '../../base/json.ts';
import type { Io } from '../io.ts';
import { escapeForHtml } from '../template/json.ts';
import type { Login } from './login.ts';

/**
 * Programs that keep credentials, `docker-credential-<name>`: the action is the argument, the server or a JSON object comes on standard
 * input, a JSON object or an error's text goes to standard output. Protocol and words as in docker-credential-helpers.
 */
const PREFIX = 'docker-credential-';
/** The user name under which an identity token is kept. */
const TOKEN_USER = '<token>';
const NOT_FOUND = 'credentials not found in native keychain';
const MAX_OUTPUT = 1 << 20;

type Action = 'get' | 'store' | 'erase' | 'list';

const doing: Readonly<Record<Action, string>> = {
  get: 'getting',
  store: 'storing',
  erase: 'erasing',
  list: 'listing',
};

export class CredentialHelper {
  readonly #program: string;
  readonly #environment: Io['environment'];

  /** `name` is what `config.json` says, such as `pass`. */
  constructor(name: string, environment: Io['environment']) {
    this.#program = PREFIX + name;
    this.#environment = environment;
  }

  /** Undefined when the helper has none for the server. Throws an Error in Docker's words when it fails. */
  async get(server: string): Promise<Login | undefined> {
    const { failure, output } = await this.#run('get', server);
    if (failure !== undefined) {
      if (output === NOT_FOUND) return undefined;
      throw this.#failed('get', failure, output);
    }
    const { Username = '', Secret = '' } = this.#parse(output);
    if (typeof Username !== 'string' || typeof Secret !== 'string') {
      throw new Error(`${this.#program}: the user name and secret of ${server} are not texts`);
    }
    return Username === TOKEN_USER
      ? { username: '', password: '', identityToken: Secret }
      : { username: Username, password: Secret, identityToken: '' };
  }

  async store(server: string, login: Login): Promise<void> {
    const hasToken = login.identityToken !== '';
    const credentials = {
      ServerURL: server,
      Username: hasToken ? TOKEN_USER : login.username,
      Secret: hasToken ? login.identityToken : login.password,
    };
    const { failure, output } = await this.#run('store', `${escapeForHtml(JSON.stringify(credentials))}\n`);
    if (failure !== undefined) throw this.#failed('store', failure, output);
  }

  async erase(server: string): Promise<void> {
    const { failure, output } = await this.#run('erase', server);
    if (failure !== undefined) throw this.#failed('erase', failure, output);
  }

  /** The servers that it has credentials for. */
  async list(): Promise<readonly string[]> {
    const { failure, output } = await this.#run('list', 'unused');
    if (failure !== undefined) throw this.#failed('list', failure, output);
    return Object.keys(this.#parse(output));
  }

  async #run(action: Action, input: string): Promise<{ failure: string | undefined; output: string }> {
    // Part of a program's name, never of a path.
    const isName = !this.#program.includes('/');
    const path = isName ? Bun.which(this.#program, { PATH: this.#environment['PATH'] ?? '' }) : null;
    if (path === null) {
      return {
        failure: `exec: ${JSON.stringify(this.#program)}: executable file not found in $PATH`,
        output: '',
      };
    }
    const child = Bun.spawn([path, action], {
      env: { ...this.#environment },
      stdin: new TextEncoder().encode(input),
      stdout: 'pipe',
      stderr: 'inherit',
    });
    const output = await readAtMost(child.stdout, MAX_OUTPUT).catch((reason: unknown) => {
      child.kill();
      throw new Error(`${this.#program}: ${messageOf(reason)}`);
    });
    const status = await child.exited;
    const signal = child.signalCode === null ? undefined : `signal: ${child.signalCode}`;
    return { failure: signal ?? (status === 0 ? undefined : `exit status ${status}`), output };
  }

  #failed(action: Action, failure: string, output: string): Error {
    const isKnown = output === 'no credentials server URL' || output === 'no credentials username';
    return new Error(
      `error ${doing[action]} credentials - err: ${isKnown ? output : failure}, out: \`${output}\``,
    );
  }

  #parse(output: string): Readonly<Record<string, unknown>> {
    let value: unknown;
    try {
      value = JSON.parse(output);
    } catch (reason) {
      throw new Error(`${this.#program} did not answer in JSON: ${messageOf(reason)}`);
    }
    if (!isJsonObject(value)) throw new Error(`${this.#program} did not answer with a JSON object`);
    return value;
  }
}

async function readAtMost(stream: ReadableStream<Uint8Array>, limit: number): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of stream) {
    size += part.length;
    if (size > limit) throw new Error(`its answer has more than ${limit} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString().trim();
}
