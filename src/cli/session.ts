import { DEFAULT_SOCKET } from '../base/default-socket.ts';
import type { Client } from '../client/client.ts';
import { CommandError } from './command-error.ts';
import { type ConfigFile, readConfigFile } from './config-file.ts';
import { contextHost } from './context-store.ts';
import type { OptionsOf } from './flag.ts';
import type { globalFlags } from './global-flags.ts';
import type { Io } from './io.ts';

export interface CommandLineOptions {
  /** `sampan`, or `docker` where it is installed under that name. */
  readonly programName?: string;
  /** Starts the daemon on its default socket, in the background. */
  readonly startDaemon?: (() => Promise<void>) | undefined;
  readonly version?: string;
  readonly commit?: string;
}

/** Which daemon, and by what the user chose it. */
export interface DaemonAddress {
  readonly host: string;
  readonly isDefault: boolean;
}

const DEFAULT_HOST = `unix://${DEFAULT_SOCKET}`;

/** What one run of the command line shares: streams, global options, configuration and the connection to the daemon. */
export class Session {
  readonly io: Io;
  readonly options: Required<Omit<CommandLineOptions, 'startDaemon'>> &
    Pick<CommandLineOptions, 'startDaemon'>;
  readonly globals: OptionsOf<typeof globalFlags>;
  readonly address: DaemonAddress;
  #configFile: ConfigFile | undefined;
  #connected: Promise<Client> | undefined;

  constructor(
    io: Io,
    options: CommandLineOptions,
    globals: OptionsOf<typeof globalFlags>,
    defaultHost = DEFAULT_HOST,
  ) {
    this.io = io;
    this.options = {
      programName: 'sampan',
      version: '0.1.0',
      commit: 'unknown',
      startDaemon: undefined,
      ...options,
    };
    this.globals = globals;
    this.address = chooseAddress(globals, io.environment, this.configDirectory, defaultHost);
  }

  get programName(): string {
    return this.options.programName;
  }

  get config(): ConfigFile {
    this.#configFile ??= readConfigFile(this.configDirectory, (line) => this.io.err(line));
    return this.#configFile;
  }

  get configDirectory(): string {
    if (this.globals.config !== '') return this.globals.config;
    const { DOCKER_CONFIG, HOME } = this.io.environment;
    return DOCKER_CONFIG || `${HOME ?? '/root'}/.docker`;
  }

  /** The daemon's client; a daemon that is missing on the default socket is started. */
  client(): Promise<Client> {
    this.#connected ??= this.#open();
    return this.#connected;
  }

  async close(): Promise<void> {
    const client = await this.#connected?.catch(() => undefined);
    client?.close();
  }

  async #open(): Promise<Client> {
    const { connect } = await import('../client/client.ts');
    const { ConnectionError } = await import('../client/errors.ts');
    const client = connect({
      host: this.address.host,
      tls: await this.#tls(),
      version: this.io.environment.DOCKER_API_VERSION || undefined,
      headers: this.config.headers,
    });
    try {
      await client.version();
    } catch (reason) {
      const isMissing =
        reason instanceof ConnectionError && (reason.code === 'ENOENT' || reason.code === 'ECONNREFUSED');
      const { startDaemon } = this.options;
      if (!isMissing || !this.address.isDefault || startDaemon === undefined) throw reason;
      await startDaemon();
      await client.version();
    }
    return client;
  }

  async #tls() {
    const { environment } = this.io;
    const verify = this.globals.tlsverify || (environment.DOCKER_TLS_VERIFY ?? '') !== '';
    if (!this.globals.tls && !verify) return undefined;
    const { readTlsFiles } = await import('./tls-files.ts');
    const directory = environment.DOCKER_CERT_PATH || this.configDirectory;
    return readTlsFiles(this.globals, directory, verify);
  }
}

function chooseAddress(
  globals: OptionsOf<typeof globalFlags>,
  environment: Io['environment'],
  configDirectory: string,
  defaultHost: string,
): DaemonAddress {
  if (globals.host.length > 1) {
    throw new CommandError('Failed to initialize: unable to resolve docker endpoint: Specify only one -H');
  }
  const [flagged = ''] = globals.host;
  if (flagged !== '' && globals.context !== '') {
    throw new CommandError('conflicting options: cannot specify both --host and --context');
  }
  const fromEnvironment = environment.SAMPAN_HOST || environment.DOCKER_HOST || '';
  const context = globals.context || (flagged || fromEnvironment ? '' : (environment.DOCKER_CONTEXT ?? ''));
  if (context !== '' && context !== 'default') {
    return { host: contextHost(configDirectory, context), isDefault: false };
  }
  const given = flagged || fromEnvironment;
  if (given === '') return { host: defaultHost, isDefault: true };
  return { host: normaliseHost(given.trim()), isDefault: given === defaultHost };
}

function normaliseHost(given: string): string {
  const scheme = /^([^:]*):\/\//.exec(given)?.[1];
  if (scheme === undefined) return `tcp://${given}`;
  if (!['unix', 'tcp', 'http', 'https'].includes(scheme)) {
    throw new CommandError(
      `Failed to initialize: unable to resolve docker endpoint: invalid bind address format: ${given}`,
    );
  }
  return given === 'unix://' ? DEFAULT_HOST : given;
}
