import { updateContainer } from '../../client/containers.ts';
import type { ContainerUpdateRequest } from '../../wire/container-changes.ts';
import type { UpdateConfig } from '../../wire/container-config.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { parseRestartPolicy } from '../container/create-body.ts';
import { containerFlags } from '../container/create-flags.ts';
import { changeFlags, changesOf, describeChange } from '../container/update-changes.ts';
import { messageOfFailure } from '../failure.ts';
import { flag, type OptionsOf } from '../flag.ts';
import { text } from '../flag-types.ts';

const shared = [
  'blkio-weight',
  'cpu-period',
  'cpu-quota',
  'cpu-rt-period',
  'cpu-rt-runtime',
  'cpu-shares',
  'cpus',
  'cpuset-cpus',
  'cpuset-mems',
  'memory',
  'memory-reservation',
  'memory-swap',
  'pids-limit',
] as const;

const sharedFlags = Object.fromEntries(shared.map((name) => [name, containerFlags[name]])) as Pick<
  typeof containerFlags,
  (typeof shared)[number]
>;

const flags = {
  ...sharedFlags,
  ...changeFlags,
  'kernel-memory': { ...containerFlags['kernel-memory'], hidden: true },
  restart: flag(text(), '', 'When to start the container again'),
};

export const command = defineCommand({
  flags,
  args: { atLeast: 1 },
  async run({ args, options, changed, session, spelled }) {
    if (spelled.size === 0) {
      throw new CommandError('you must provide one or more flags when using this command');
    }
    const changes = changesOf(options, changed);
    const body: ContainerUpdateRequest = {
      ...updateBody(options),
      ...(changes === undefined ? {} : { Changes: changes }),
    };
    const client = await session.client();
    const warnings: string[] = [];
    const failures: string[] = [];
    for (const name of args) {
      try {
        const { Warnings, Changes } = await updateContainer(client, name, body);
        session.io.out(`${[name, ...(Changes ?? []).map(describeChange)].join('\n')}\n`);
        warnings.push(...(Warnings ?? []));
      } catch (reason) {
        failures.push(messageOfFailure(reason, session.address.host));
      }
    }
    if (warnings.length > 0) session.io.out(`${warnings.join('\n')}\n`);
    if (failures.length > 0) throw new CommandError(failures.join('\n'));
  },
});

/** Docker's clients send every limit; 0 and null leave the container's as they are. */
function updateBody(options: OptionsOf<typeof flags>): UpdateConfig {
  return {
    CpuShares: options['cpu-shares'],
    Memory: options.memory,
    NanoCpus: options.cpus,
    CgroupParent: '',
    BlkioWeight: options['blkio-weight'],
    BlkioWeightDevice: null,
    BlkioDeviceReadBps: null,
    BlkioDeviceWriteBps: null,
    BlkioDeviceReadIOps: null,
    BlkioDeviceWriteIOps: null,
    CpuPeriod: options['cpu-period'],
    CpuQuota: options['cpu-quota'],
    CpuRealtimePeriod: options['cpu-rt-period'],
    CpuRealtimeRuntime: options['cpu-rt-runtime'],
    CpusetCpus: options['cpuset-cpus'],
    CpusetMems: options['cpuset-mems'],
    Devices: null,
    DeviceCgroupRules: null,
    DeviceRequests: null,
    ...(options['kernel-memory'] === 0 ? {} : { KernelMemory: options['kernel-memory'] }),
    MemoryReservation: options['memory-reservation'],
    MemorySwap: options['memory-swap'],
    MemorySwappiness: null,
    OomKillDisable: null,
    PidsLimit: options['pids-limit'] === 0 ? null : options['pids-limit'],
    Ulimits: null,
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
    RestartPolicy: parseRestartPolicy(options.restart),
  };
}
