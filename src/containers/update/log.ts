import { invalid } from '../../base/errors.ts';
import type { LogRotation } from '../../runtime/contract.ts';
import type { ContainerChanges } from '../../wire/container-changes.ts';
import type { HostConfig } from '../../wire/container-config.ts';
import type { ContainerDefaults } from '../defaults.ts';
import { completeLogConfig, readRotation } from '../logs/log-config.ts';
import type { Draft } from './draft.ts';

const rotationOptions: ReadonlySet<string> = new Set(['max-size', 'max-file', 'compress']);

/** What an update names of the log. The supervisor rotates otherwise at once; the rest of it is the next start's. */
export function draftLog(
  draft: Draft,
  { LogConfig }: ContainerChanges,
  { logConfig: byDefault }: Pick<ContainerDefaults, 'logConfig'>,
): void {
  if (LogConfig === undefined) return;
  const { Type: type, Config: known } = draft.hostConfig.LogConfig;
  const sameDriver = LogConfig.Type === '' || LogConfig.Type === type;
  if (!sameDriver) draft.note('next start', 'log-driver', LogConfig.Type);
  const given = Object.entries(LogConfig.Config ?? {});
  if (type === 'none' && sameDriver && given.length > 0) {
    throw invalid(`invalid logging opts for driver ${type}`);
  }
  const options = { ...(sameDriver ? known : {}), ...LogConfig.Config };
  for (const [name, value] of given) {
    if (value === '') delete options[name];
    const live = sameDriver && rotationOptions.has(name);
    draft.note(live ? 'what runs' : 'next start', 'log-opt', name, value === '');
  }
  const Type = LogConfig.Type || type;
  const completed = completeLogConfig({ Type, Config: options }, { ...byDefault, Config: {} });
  draft.hostConfig = { ...draft.hostConfig, LogConfig: completed };
}

/** How the supervisor of what runs is to rotate from now on; undefined where that is as it was. */
export function changedRotation(before: HostConfig, after: HostConfig): LogRotation | undefined {
  const [old, now] = [before.LogConfig, after.LogConfig];
  if (old.Type === 'none' || old.Type !== now.Type) return undefined;
  const rotation = readRotation(now.Config ?? {});
  return Bun.deepEquals(rotation, readRotation(old.Config ?? {})) ? undefined : rotation;
}
