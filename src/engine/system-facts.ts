import { readdir, readFile } from 'node:fs/promises';
import os from 'node:os';
import { build } from '../base/build-facts.ts';
import { hostPlatform } from '../oci/platform.ts';
import type { HostCapabilities } from '../runtime/contract.ts';
import type { System, SystemFacts } from './contract.ts';

/** What the engine knows of itself, to be completed with what the host says at the moment of asking. */
export type OwnFacts = Pick<
  SystemFacts,
  | 'id'
  | 'storageDriver'
  | 'storageStatus'
  | 'dataRoot'
  | 'labels'
  | 'debug'
  | 'registryMirrors'
  | 'insecureRegistries'
  | 'proxies'
>;

export function createSystem(own: () => OwnFacts, host: HostCapabilities): System {
  return {
    async facts() {
      const release = await readOsRelease();
      const forwarding = await readText('/proc/sys/net/ipv4/ip_forward');
      return {
        ...own(),
        version: build.version,
        commit: build.commit,
        buildTime: build.time,
        bunVersion: Bun.version,
        name: os.hostname(),
        kernelVersion: host.kernelVersion,
        operatingSystem: release['PRETTY_NAME'] ?? 'Linux',
        osVersion: release['VERSION_ID'] ?? '',
        architecture: hostPlatform().architecture,
        host,
        cgroupDriver: 'cgroupfs' as const,
        ipv4Forwarding: forwarding?.trim() === '1',
        openFiles: (await readdir('/proc/self/fd')).length,
        warnings: warningsFor(host, forwarding?.trim() === '1'),
      };
    },
  };
}

/** Docker's words for what the kernel lacks. */
function warningsFor(host: HostCapabilities, forwarding: boolean): string[] {
  const lacks: readonly (readonly [boolean, string])[] = [
    [host.memoryLimit, 'WARNING: No memory limit support'],
    [host.swapLimit, 'WARNING: No swap limit support'],
    [host.oomKillDisable || host.cgroupVersion === 2, 'WARNING: No oom kill disable support'],
    [host.cpuCfs, 'WARNING: No cpu cfs quota support'],
    [host.cpuShares, 'WARNING: No cpu shares support'],
    [host.cpuset, 'WARNING: No cpuset support'],
    [forwarding, 'WARNING: IPv4 forwarding is disabled'],
  ];
  return lacks.filter(([supported]) => !supported).map(([, warning]) => warning);
}

async function readText(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}

async function readOsRelease(): Promise<Record<string, string>> {
  const text = (await readText('/etc/os-release')) ?? (await readText('/usr/lib/os-release')) ?? '';
  const lines = text.matchAll(/^([A-Z_]+)=(?:"(.*)"|(.*))$/gm);
  return Object.fromEntries([...lines].map(([, key = '', quoted, plain]) => [key, quoted ?? plain ?? '']));
}
