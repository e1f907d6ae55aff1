import { invalid } from '../../base/errors.ts';
import type { HealthConfig, ImageProcess } from '../../oci/image.ts';
import type { ContainerConfig } from '../../wire/container-config.ts';

/** The container's configuration over its image's (Docker's rules). Fails with `invalid-argument` "no command specified". */
export function mergeImageConfig(own: ContainerConfig, image: ImageProcess | undefined): ContainerConfig {
  const merged = image === undefined ? { ...own } : mergeOver(own, image);
  if (merged.Entrypoint?.length === 1 && merged.Entrypoint[0] === '') merged.Entrypoint = null;
  if (!merged.Entrypoint?.length && !merged.Cmd?.length) throw invalid('no command specified');
  return merged;
}

/** The same for a configuration that need not have a command. */
export function mergeOver(own: ContainerConfig, image: ImageProcess): ContainerConfig {
  const volumes = { ...image.Volumes, ...own.Volumes };
  const merged: ContainerConfig = {
    ...own,
    User: own.User || image.User || '',
    WorkingDir: own.WorkingDir || image.WorkingDir || '',
    Env: mergeEnvironment(own.Env, image.Env),
    Labels: { ...image.Labels, ...own.Labels },
    Volumes: Object.keys(volumes).length === 0 ? null : volumes,
    ...mergeCommand(own, image),
  };
  const exposed = { ...image.ExposedPorts, ...own.ExposedPorts };
  if (Object.keys(exposed).length > 0) merged.ExposedPorts = exposed;
  const stopSignal = own.StopSignal || image.StopSignal;
  if (stopSignal) merged.StopSignal = stopSignal;
  const health = mergeHealth(own.Healthcheck, image.Healthcheck ?? undefined);
  if (health !== undefined) merged.Healthcheck = health;
  return merged;
}

/** The image's command belongs to the image's entry point: whoever sets one of them gets neither from the image unasked. */
function mergeCommand(
  own: ContainerConfig,
  image: ImageProcess,
): Pick<ContainerConfig, 'Cmd' | 'Entrypoint'> {
  const untouched = !own.Entrypoint?.length && !own.Cmd?.length;
  const cmd = untouched ? (image.Cmd ?? own.Cmd) : own.Cmd;
  const entrypoint = own.Entrypoint === null ? (image.Entrypoint ?? null) : own.Entrypoint;
  return {
    Cmd: cmd === null ? null : [...cmd],
    Entrypoint: entrypoint === null ? null : [...entrypoint],
  };
}

function mergeEnvironment(
  own: readonly string[] | null,
  image: readonly string[] | null | undefined,
): string[] | null {
  if (!image?.length) return own === null ? null : [...own];
  const set = new Set((own ?? []).map(variableName));
  return [...(own ?? []), ...image.filter((entry) => !set.has(variableName(entry)))];
}

function variableName(entry: string): string {
  const equals = entry.indexOf('=');
  return equals < 0 ? entry : entry.slice(0, equals);
}

type Healthcheck = NonNullable<ContainerConfig['Healthcheck']>;

function mergeHealth(own: Healthcheck | undefined, image: HealthConfig | undefined): Healthcheck | undefined {
  if (image === undefined) return own;
  const result: Healthcheck = { ...own };
  if (!own?.Test?.length && image.Test !== undefined) result.Test = [...image.Test];
  for (const key of ['Interval', 'Timeout', 'StartPeriod', 'StartInterval', 'Retries'] as const) {
    const fromImage = image[key];
    if (!own?.[key] && fromImage !== undefined) result[key] = fromImage;
  }
  return result;
}
