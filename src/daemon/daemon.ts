import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { createApiServer } from '../api/api-server.ts';
import { background } from '../base/context.ts';
import { isErrno } from '../base/errno.ts';
import { messageOf } from '../base/errors.ts';
import { createLogger, formatLogfmt, type Logger, type LogLevel } from '../base/log.ts';
import { type EngineOptions, openEngine } from '../engine/engine.ts';
import { exposureWarning, listenAddresses } from './addresses.ts';
import { type Configuration, type HostFirewall, livePart, resolveConfiguration } from './configuration.ts';
import { layOutLaunchers } from './launcher-binary.ts';
import { claimPidFile } from './pid-file.ts';
import { settings } from './settings.ts';

/** Flags as they were typed, by long name. */
export type Flags = ReadonlyMap<string, readonly string[]>;

/** How long answers under way may take once the daemon was told to stop, milliseconds. */
const ANSWER_GRACE = 3_000;

/**
 * Runs the daemon until SIGTERM or SIGINT. Containers go on without it, as they do when it is killed, and the next daemon finds them;
 * only `--live-restore=false` stops them with it. SIGHUP rereads daemon.json. Resolves to the exit status.
 */
export async function runDaemon(flags: Flags): Promise<number> {
  let configuration = await loadConfiguration(flags);
  const log = createLogger(
    () => (configuration.debug ? 'debug' : (configuration.logLevel as LogLevel)),
    (line) => process.stderr.write(formatLogfmt(line)),
  );
  // An unhandled failure is a bug, but no reason to drop everybody's containers' streams.
  process.on('unhandledRejection', (reason) => log.error('unhandled failure', { error: messageOf(reason) }));
  process.on('uncaughtException', (error) =>
    log.error('uncaught failure', { error: error.stack ?? error.message }),
  );

  await using _pidFile = await claimPidFile(configuration.pidfile);
  // Two daemons on one state would undo each other's work, whatever their PID files are called.
  await using _dataRoot = await claimPidFile(join(resolve(configuration.dataRoot), 'daemon.pid'));
  const context = background(log);
  const addresses = await listenAddresses(configuration);
  const warning = exposureWarning(addresses);
  if (warning !== undefined) log.warn(warning);

  await using engine = await openEngine(
    context,
    await engineOptions(configuration, () => configuration, log),
  );
  const server = createApiServer({ engine, log });
  for (const address of addresses) {
    if ('unix' in address) await mkdir(dirname(address.unix), { recursive: true });
    log.info(`API listen on ${await server.listen(address)}`);
  }
  log.info('Daemon has completed initialization');

  await untilStopped(async () => {
    configuration = await reload(configuration, flags, log);
    await engine.announceReload();
  });
  log.info('Daemon shutdown begins');
  await server.close(ANSWER_GRACE);
  if (!configuration.liveRestore) await engine.stopContainers(context, configuration.shutdownTimeout);
  return 0;
}

async function loadConfiguration(flags: Flags): Promise<Configuration> {
  const path = flags.get(settings.configFile.flag)?.at(-1) ?? settings.configFile.default;
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    const asked = (flags.get(settings.configFile.flag)?.length ?? 0) > 0;
    if (isErrno(error, 'ENOENT') && !asked) return undefined;
    throw error;
  });
  return resolveConfiguration(flags, text === undefined ? undefined : { path, text });
}

/** The configuration with what may change while the daemon runs read anew; a file that is broken changes nothing. */
async function reload(current: Configuration, flags: Flags, log: Logger): Promise<Configuration> {
  try {
    const fresh = await loadConfiguration(flags);
    log.info('Reloaded configuration');
    return { ...current, ...livePart(fresh) };
  } catch (error) {
    log.error('could not reload the configuration', { error: messageOf(error) });
    return current;
  }
}

async function engineOptions(
  configuration: Configuration,
  current: () => Configuration,
  log: Logger,
): Promise<EngineOptions> {
  const execRoot = resolve(configuration.execRoot);
  return {
    dataRoot: resolve(configuration.dataRoot),
    execRoot,
    ...(await layOutLaunchers(execRoot)),
    cgroupParent: configuration.cgroupParent,
    storageDriver: configuration.storageDriver,
    network: {
      bridge: configuration.bridge,
      bip: configuration.bip,
      mtu: configuration.mtu,
      icc: configuration.icc,
      ipForward: configuration.ipForward,
      ipMasquerade: configuration.ipMasquerade,
      userlandRelay: configuration.userlandProxy,
      defaultBindAddress: configuration.ip,
      hostGateway: configuration.hostGatewayIp,
      addressPools: configuration.defaultAddressPools,
      hostFirewall: configuration.hostFirewall as HostFirewall,
      firewall: { ipv4: configuration.iptables, ipv6: configuration.iptables && configuration.ip6tables },
      defaultBridge: {
        ipv6: configuration.ipv6,
        bip6: configuration.bip6,
        range: configuration.fixedCidr,
        subnet6: configuration.fixedCidr6,
        gateway: configuration.defaultGateway,
        gateway6: configuration.defaultGateway6,
      },
      driverOptions: configuration.defaultNetworkOptions,
    },
    containerDefaults: {
      shmSize: configuration.defaultShmSize,
      ipcMode: configuration.defaultIpcMode,
      cgroupnsMode: configuration.defaultCgroupnsMode === '' ? undefined : configuration.defaultCgroupnsMode,
      logConfig: { Type: configuration.logDriver, Config: configuration.logOptions },
      ulimits: configuration.defaultUlimits,
      init: configuration.init,
      noNewPrivileges: configuration.noNewPrivileges,
      dns: configuration.dns,
      dnsOptions: configuration.dnsOptions,
      dnsSearch: configuration.dnsSearch,
    },
    live: current,
    log,
  };
}

function untilStopped(onHangUp: () => Promise<void>): Promise<void> {
  return new Promise((stopped) => {
    process.on('SIGTERM', () => stopped());
    process.on('SIGINT', () => stopped());
    process.on('SIGHUP', () => void onHangUp());
  });
}
