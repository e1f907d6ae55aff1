import type { ContainerConfig } from '../../wire/container-config.ts';

const DEFAULT_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The variables of a container's first process, in Docker's order; `links` tell of linked containers. HOME is the launcher's to add, from the user's entry. */
export function buildEnvironment(
  config: ContainerConfig,
  terminal: boolean,
  links: readonly string[] = [],
): string[] {
  const base = [DEFAULT_PATH, `HOSTNAME=${config.Hostname}`, ...(terminal ? ['TERM=xterm'] : []), ...links];
  return overrideEnvironment(base, config.Env ?? []);
}

/** `overrides` replace by name or are added at the end; one without "=" takes the variable away. */
export function overrideEnvironment(base: readonly string[], overrides: readonly string[]): string[] {
  const byName = new Map(base.map((entry) => [entry.slice(0, entry.indexOf('=')), entry]));
  for (const entry of overrides) {
    const equals = entry.indexOf('=');
    if (equals < 0) byName.delete(entry);
    else byName.set(entry.slice(0, equals), entry);
  }
  return [...byName.values()];
}
