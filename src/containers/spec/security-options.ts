import { invalid } from '../../base/errors.ts';
import type { HostConfig } from '../../wire/container-config.ts';

/** `--security-opt`, read. ("systempaths=unconfined" never gets here: the command line sends empty path lists instead.) */
export interface SecurityOptions {
  readonly noNewPrivileges: boolean;
  /** "unconfined", "builtin", a profile's JSON text; empty for the daemon's default. */
  readonly seccomp: string;
  /** Empty for the default profile. */
  readonly appArmor: string;
  readonly labels: readonly string[];
  readonly writableCgroups: boolean | undefined;
}

/** Fails with `invalid-argument` and Docker's text for an option that is unknown or has no value. */
export function parseSecurityOptions(
  options: NonNullable<HostConfig['SecurityOpt']>,
  noNewPrivileges: boolean,
): SecurityOptions {
  const result = {
    noNewPrivileges,
    seccomp: '',
    appArmor: '',
    labels: [] as string[],
    writableCgroups: undefined as boolean | undefined,
  };
  for (const option of options) {
    if (option === 'no-new-privileges') {
      result.noNewPrivileges = true;
      continue;
    }
    if (option === 'disable') {
      result.labels.push('disable');
      continue;
    }
    const { key, value } = splitOption(option);
    if (key === 'label') result.labels.push(value);
    else if (key === 'apparmor') result.appArmor = value;
    else if (key === 'seccomp') result.seccomp = value;
    else if (key === 'no-new-privileges') result.noNewPrivileges = parseFlag(option, value);
    else if (key === 'writable-cgroups') result.writableCgroups = parseFlag(option, value);
    else throw invalid(`invalid --security-opt 2: ${JSON.stringify(option)}`);
  }
  return result;
}

function splitOption(option: string): { key: string; value: string } {
  const separator = option.includes('=') ? '=' : ':';
  const at = option.indexOf(separator);
  if (at < 0) throw invalid(`invalid --security-opt 1: ${JSON.stringify(option)}`);
  return { key: option.slice(0, at), value: option.slice(at + 1) };
}

function parseFlag(option: string, value: string): boolean {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(value)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(value)) return false;
  throw invalid(`invalid --security-opt 2: ${JSON.stringify(option)}`);
}
