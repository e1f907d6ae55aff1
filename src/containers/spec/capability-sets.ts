import { readFileSync } from 'node:fs';
import { CAPABILITIES, DEFAULT_CAPABILITIES } from '../../oci/capabilities.ts';
import type { SpecCapabilities } from '../../oci/runtime-spec.ts';
import type { HostConfig } from '../../wire/container-config.ts';

type Wishes = Pick<HostConfig, 'Privileged' | 'CapAdd' | 'CapDrop'>;

/** Docker's rules for `--privileged`, `--cap-add` and `--cap-drop`; names are canonical already. Nothing is inheritable. */
export function buildCapabilities(wishes: Wishes): SpecCapabilities {
  const names = chooseCapabilities(wishes, availableCapabilities);
  return { bounding: names, effective: names, permitted: names, inheritable: [], ambient: [] };
}

export function chooseCapabilities(wishes: Wishes, available: () => readonly string[]): readonly string[] {
  const add = wishes.CapAdd ?? [];
  const drop = new Set(wishes.CapDrop ?? []);
  if (wishes.Privileged) return available();
  if (add.includes('ALL')) return available().filter((name) => !drop.has(name));
  if (drop.has('ALL')) return unique(add);
  return unique([...DEFAULT_CAPABILITIES.filter((name) => !drop.has(name)), ...add]);
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)];
}

let ownCapabilities: readonly string[] | undefined;

/** What this process could give away: its bounding set (proc_pid_status(5), CapBnd). */
function availableCapabilities(): readonly string[] {
  ownCapabilities ??= readBoundingSet();
  return ownCapabilities;
}

function readBoundingSet(): readonly string[] {
  const mask = /^CapBnd:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  if (mask === undefined) return CAPABILITIES;
  const bits = BigInt(`0x${mask}`);
  return CAPABILITIES.filter((_, bit) => ((bits >> BigInt(bit)) & 1n) === 1n);
}
