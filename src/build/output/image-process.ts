import type { ImageProcess } from '../../oci/image.ts';

/** A `config` object with the keys that BuildKit writes, in its order; what is empty is left out. */
export function tidyProcess(process: ImageProcess, style: 'classic' | 'buildkit'): ImageProcess {
  const { User, ExposedPorts, Env, Entrypoint, Cmd, Volumes, WorkingDir, Labels } = process;
  const { StopSignal, ArgsEscaped, Healthcheck, OnBuild, Shell } = process;
  return {
    ...(User ? { User } : {}),
    ...(isEmpty(ExposedPorts) ? {} : { ExposedPorts: sorted(ExposedPorts) }),
    ...(isEmpty(Env) ? {} : { Env }),
    ...(isEmpty(Entrypoint) ? {} : { Entrypoint }),
    ...(isEmpty(Cmd) ? {} : { Cmd }),
    ...(isEmpty(Volumes) ? {} : { Volumes: sorted(Volumes) }),
    ...(WorkingDir ? { WorkingDir } : {}),
    ...(isEmpty(Labels) ? {} : { Labels: sorted(Labels) }),
    ...(StopSignal ? { StopSignal } : {}),
    ...(ArgsEscaped && style === 'buildkit' ? { ArgsEscaped } : {}),
    ...(Healthcheck ? { Healthcheck } : {}),
    ...(isEmpty(OnBuild) ? {} : { OnBuild }),
    ...(isEmpty(Shell) ? {} : { Shell }),
  };
}

function isEmpty<T extends object>(value: T | null | undefined): value is null | undefined {
  return value === undefined || value === null || Object.keys(value).length === 0;
}

function sorted<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([left], [right]) => (left < right ? -1 : 1)));
}
