import { invalid } from '../../base/errors.ts';
import type { ContainerChanges } from '../../wire/container-changes.ts';
import type { ContainerConfig } from '../../wire/container-config.ts';
import { checkConfig } from '../create/check-config.ts';
import { normaliseCapabilities } from '../create/check-host-config.ts';
import { joinedContainer } from '../record.ts';
import type { Draft } from './draft.ts';

/** What an update names of the process and of what is said about it. Fails with `invalid-argument`. */
export function draftConfig(draft: Draft, changes: ContainerChanges): void {
  draftEnvironment(draft, changes);
  draftLabels(draft, changes);
  draftNames(draft, changes);
  draftProcess(draft, changes);
  draftStop(draft, changes);
  draftHealth(draft, changes);
  draftCapabilities(draft, changes);
  draft.config = { ...checkConfig(draft.config), Volumes: draft.config.Volumes };
}

function variableName(entry: string): string {
  const equals = entry.indexOf('=');
  return equals < 0 ? entry : entry.slice(0, equals);
}

/** A variable that is there keeps its place. */
function draftEnvironment(draft: Draft, { Env, EnvRemove }: ContainerChanges): void {
  if (!Env?.length && !EnvRemove?.length) return;
  const entries = new Map((draft.config.Env ?? []).map((entry) => [variableName(entry), entry]));
  for (const name of EnvRemove ?? []) {
    if (!entries.delete(name)) {
      throw invalid(`container ${draft.name} has no environment variable ${JSON.stringify(name)}`);
    }
    draft.note('next start', 'env', name, true);
  }
  for (const entry of Env ?? []) {
    const name = variableName(entry);
    entries.set(name, entry);
    draft.note('next start', 'env', name);
  }
  draft.config = { ...draft.config, Env: [...entries.values()] };
}

function draftLabels(draft: Draft, { Labels, LabelsRemove }: ContainerChanges): void {
  if (!Labels && !LabelsRemove?.length) return;
  const labels = new Map(Object.entries(draft.config.Labels ?? {}));
  for (const name of LabelsRemove ?? []) {
    if (!labels.delete(name)) {
      throw invalid(`container ${draft.name} has no label ${JSON.stringify(name)}`);
    }
    draft.note('nobody', 'label', name, true);
  }
  for (const [name, value] of Object.entries(Labels ?? {})) {
    if (name === '') throw invalid('invalid label: its name is empty');
    labels.set(name, value);
    draft.note('nobody', 'label', name);
  }
  draft.config = { ...draft.config, Labels: Object.fromEntries(labels) };
}

function draftNames(draft: Draft, { Hostname, Domainname }: ContainerChanges): void {
  const { NetworkMode, UTSMode } = draft.hostConfig;
  if (Hostname !== undefined) {
    if (joinedContainer(NetworkMode) !== undefined) {
      throw invalid('conflicting options: hostname and the network mode');
    }
    if (UTSMode === 'host') throw invalid('conflicting options: hostname and the UTS mode');
    if (Hostname === '') throw invalid('invalid hostname "": it is empty');
    draft.config = { ...draft.config, Hostname };
    draft.note('next start', 'hostname');
  }
  if (Domainname !== undefined) {
    draft.config = { ...draft.config, Domainname };
    draft.note('next start', 'domainname');
  }
}

function draftProcess(draft: Draft, { User, WorkingDir, Entrypoint, Cmd }: ContainerChanges): void {
  const changed: Partial<ContainerConfig> = {};
  const given = { user: User, workdir: WorkingDir, entrypoint: Entrypoint, cmd: Cmd };
  for (const [kind, value] of Object.entries(given)) if (value !== undefined) draft.note('next start', kind);
  if (User !== undefined) changed.User = User;
  if (WorkingDir !== undefined) changed.WorkingDir = WorkingDir;
  if (Entrypoint !== undefined)
    changed.Entrypoint = Entrypoint?.some((word) => word !== '') ? Entrypoint : null;
  if (Cmd !== undefined) changed.Cmd = Cmd;
  draft.config = { ...draft.config, ...changed };
  if (!draft.config.Entrypoint?.length && !draft.config.Cmd?.length) throw invalid('no command specified');
}

function draftStop(draft: Draft, { StopSignal, StopTimeout }: ContainerChanges): void {
  if (StopSignal !== undefined) {
    draft.config = { ...draft.config, StopSignal };
    draft.note('nobody', 'stop-signal');
  }
  if (StopTimeout !== undefined) {
    draft.config = { ...draft.config, StopTimeout };
    draft.note('nobody', 'stop-timeout');
  }
}

function draftHealth(draft: Draft, { Healthcheck }: ContainerChanges): void {
  if (Healthcheck === undefined) return;
  draft.config = { ...draft.config, Healthcheck: { ...draft.config.Healthcheck, ...Healthcheck } };
  draft.note('what runs', 'health', '', Healthcheck.Test?.[0] === 'NONE');
}

/** Who is given what was dropped has it again, and the reverse. */
function draftCapabilities(draft: Draft, { CapAdd, CapDrop }: ContainerChanges): void {
  const given = normaliseCapabilities('CapAdd', CapAdd ?? []) ?? [];
  const taken = normaliseCapabilities('CapDrop', CapDrop ?? []) ?? [];
  const merge = (known: readonly string[] | null, more: readonly string[], less: readonly string[]) => {
    const names = [...new Set([...(known ?? []), ...more])].filter((name) => !less.includes(name));
    return names.length === 0 ? null : names;
  };
  if (given.length + taken.length === 0) return;
  const { CapAdd: added, CapDrop: dropped } = draft.hostConfig;
  draft.hostConfig = {
    ...draft.hostConfig,
    CapAdd: merge(added, given, taken),
    CapDrop: merge(dropped, taken, given),
  };
  for (const name of given) draft.note('next start', 'cap-add', name);
  for (const name of taken) draft.note('next start', 'cap-drop', name);
}
