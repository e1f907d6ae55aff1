import { messageOf, SampanError } from '../../base/errors.ts';
import type { SeccompProfile } from '../../oci/runtime-spec.ts';
import { defaultSeccompProfile } from '../../oci/seccomp-default.ts';

/** Longer than any sensible profile; what is read here becomes a program of the kernel's. */
const PROFILE_LIMIT = 4 << 20;

/**
 * The filter of a container: none for a privileged or unconfined one, else the profile given as JSON text, else the daemon's,
 * else the built-in. Fails with `internal` and Docker's text when the text is not a profile.
 */
export function chooseSeccomp(
  wish: string,
  privileged: boolean,
  daemonProfile: string,
): SeccompProfile | undefined {
  if (privileged && wish === '') return undefined;
  const chosen = wish === '' ? daemonProfile : wish;
  if (chosen === 'unconfined') return undefined;
  if (chosen === '' || chosen === 'builtin') return defaultSeccompProfile;
  return decodeProfile(chosen);
}

function decodeProfile(text: string): SeccompProfile {
  if (text.length > PROFILE_LIMIT) throw undecodable('the profile is too large');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw undecodable(messageOf(error));
  }
  if (hasRules(value)) value = { ...value, syscalls: value.syscalls.map(withNames) };
  if (!isProfile(value)) throw undecodable('defaultAction and syscalls are not those of a profile');
  return value;
}

function hasRules(value: unknown): value is { syscalls: unknown[] } {
  return typeof value === 'object' && value !== null && 'syscalls' in value && Array.isArray(value.syscalls);
}

/** Profiles of old name one call in each rule. */
function withNames(rule: unknown): unknown {
  if (typeof rule !== 'object' || rule === null || !('name' in rule) || rule.name === '') return rule;
  const { name, ...others } = rule;
  if ('names' in others && Array.isArray(others.names) && others.names.length > 0) {
    throw undecodable(
      "'name' and 'names' were specified in the seccomp profile, use either 'name' or 'names'",
    );
  }
  return { ...others, names: [name] };
}

/** The runtime's compiler checks names, actions and operators; here only what it takes for granted. */
function isProfile(value: unknown): value is SeccompProfile {
  if (typeof value !== 'object' || value === null) return false;
  if (!('defaultAction' in value) || typeof value.defaultAction !== 'string') return false;
  const rules = 'syscalls' in value ? value.syscalls : undefined;
  return rules === undefined || rules === null || (Array.isArray(rules) && rules.every(isRule));
}

function isRule(rule: unknown): boolean {
  if (typeof rule !== 'object' || rule === null) return false;
  const named =
    'names' in rule && Array.isArray(rule.names) && rule.names.every((n) => typeof n === 'string');
  return named && 'action' in rule && typeof rule.action === 'string';
}

function undecodable(reason: string): SampanError {
  return new SampanError('internal', `Decoding seccomp profile failed: ${reason}`);
}
