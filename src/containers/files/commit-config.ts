import { applyChanges } from '../../images/changes.ts';
import type { ImageProcess } from '../../oci/image.ts';
import { ContainerConfig } from '../../wire/container-config.ts';
import type { CommitOptions } from '../contract.ts';
import { mergeOver } from '../create/merge-image-config.ts';

/** The configuration of a container's image: the client's or the container's own, changed, and what that lacks from the container. */
export function commitConfig(container: ContainerConfig, options: CommitOptions): ImageProcess {
  const asked = imageProcess(options.config ?? container);
  const base = replacesCommand(options.changes) ? { ...asked, Cmd: null } : asked;
  const changed = applyChanges(base, options.changes);
  return imageProcess(mergeOver(containerConfig(changed), imageProcess(container)));
}

/** A command belongs to its entry point: a new one without a command has none. */
function replacesCommand(changes: readonly string[]): boolean {
  const instructions = changes
    .flatMap((change) => change.split('\n'))
    .map((line) => line.trim().split(/\s/, 1)[0]?.toUpperCase());
  return instructions.includes('ENTRYPOINT') && !instructions.includes('CMD');
}

const kept = [
  'User',
  'ExposedPorts',
  'Env',
  'Entrypoint',
  'Cmd',
  'Healthcheck',
  'ArgsEscaped',
  'Volumes',
  'WorkingDir',
  'OnBuild',
  'Labels',
  'StopSignal',
  'Shell',
] as const satisfies readonly (keyof ContainerConfig & keyof ImageProcess)[];

/** What of a container's configuration an image has, empty values left out. */
function imageProcess(config: ContainerConfig): ImageProcess {
  const entries = kept
    .map((key) => [key, config[key]] as const)
    .filter(([, value]) => value !== undefined && value !== null && value !== '');
  return Object.fromEntries(entries);
}

function containerConfig(process: ImageProcess): ContainerConfig {
  // A copy, since what is merged may be changed in place.
  return { ...ContainerConfig.zero(), ...(structuredClone(process) as Partial<ContainerConfig>) };
}
