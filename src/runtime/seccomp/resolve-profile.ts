import { invalid } from '../../base/errors.ts';
import type { SeccompCondition, SeccompProfile, SeccompRule } from '../../oci/runtime-spec.ts';
import { errno } from '../../plan/errno.ts';
import { actionValue, isPermissive } from './actions.ts';
import { type Architecture, architectureNamed, type NativeArchitecture } from './architectures.ts';
import { checkProfile } from './check-profile.ts';
import { type Comparison, parseComparison } from './comparisons.ts';

/** What a profile's conditions are held against. */
export interface SeccompSubject {
  readonly native: NativeArchitecture;
  /** The process's bounding set. */
  readonly capabilities: ReadonlySet<string>;
  /** As `uname -r` prints it. */
  readonly kernelVersion: string;
}

/** One way to decide a call: all `conditions` hold. */
export interface Decision {
  readonly conditions: readonly Comparison[];
  /** The filter's return value. */
  readonly action: number;
}

/** A profile with everything decided that can be before a call is made. */
export interface ResolvedProfile {
  readonly architectures: readonly Architecture[];
  readonly defaultAction: number;
  /** Calls newer than any that the profile names look missing rather than forbidden. */
  readonly hideNewer: boolean;
  /** By name: the decisions in the order in which they are tried. */
  readonly rules: ReadonlyMap<string, readonly Decision[]>;
}

/** Fails with `invalid-argument` on a profile that contradicts itself or uses unknown words. */
export function resolveProfile(profile: SeccompProfile, subject: SeccompSubject): ResolvedProfile {
  checkProfile(profile);
  const rules = new Map<string, Decision[]>();
  for (const rule of profile.syscalls ?? []) {
    const decisions = decisionsOf(rule);
    if (!applies(rule, subject)) continue;
    for (const name of rule.names) rules.set(name, [...(rules.get(name) ?? []), ...decisions]);
  }
  for (const [name, decisions] of rules) rules.set(name, unconditionalLast(decisions));
  return {
    architectures: architecturesOf(profile, subject.native),
    defaultAction: actionValue(profile.defaultAction, profile.defaultErrnoRet),
    hideNewer: !isPermissive(profile.defaultAction) && profile.defaultErrnoRet !== errno.ENOSYS,
    rules,
  };
}

/**
 * Conditions on different arguments must all hold; as soon as two are on the same argument, each one suffices by itself (what
 * runc makes of such a rule, because libseccomp compares an argument once only).
 */
function decisionsOf(rule: SeccompRule): Decision[] {
  const action = actionValue(rule.action, rule.errnoRet);
  const conditions = (rule.args ?? []).map(parseComparison);
  const distinct = new Set(conditions.map((condition) => condition.index)).size === conditions.length;
  if (distinct) return [{ conditions, action }];
  return conditions.map((condition) => ({ conditions: [condition], action }));
}

function unconditionalLast(decisions: readonly Decision[]): Decision[] {
  const fallback = decisions.find((decision) => decision.conditions.length === 0);
  const conditional = decisions.filter((decision) => decision.conditions.length > 0);
  return fallback === undefined ? conditional : [...conditional, fallback];
}

function applies(rule: SeccompRule, subject: SeccompSubject): boolean {
  return !excluded(rule.excludes ?? {}, subject) && included(rule.includes ?? {}, subject);
}

function excluded(condition: SeccompCondition, subject: SeccompSubject): boolean {
  return (
    (condition.arches ?? []).includes(subject.native.goName) ||
    (condition.caps ?? []).some((name) => subject.capabilities.has(name)) ||
    (condition.minKernel !== undefined && kernelAtLeast(subject.kernelVersion, condition.minKernel))
  );
}

function included(condition: SeccompCondition, subject: SeccompSubject): boolean {
  const arches = condition.arches ?? [];
  return (
    (arches.length === 0 || arches.includes(subject.native.goName)) &&
    (condition.caps ?? []).every((name) => subject.capabilities.has(name)) &&
    (condition.minKernel === undefined || kernelAtLeast(subject.kernelVersion, condition.minKernel))
  );
}

function kernelAtLeast(running: string, wanted: string): boolean {
  const [major, minor] = kernelNumbers(wanted);
  const [runningMajor, runningMinor] = kernelNumbers(running);
  return runningMajor > major || (runningMajor === major && runningMinor >= minor);
}

function kernelNumbers(version: string): [number, number] {
  const match = /^(\d+)\.(\d+)/.exec(version);
  if (match === null) throw invalid(`seccomp: invalid kernel version ${JSON.stringify(version)}`);
  return [Number(match[1]), Number(match[2])];
}

/** The native architecture always; others where the profile lists them and this kind of machine can run them. */
function architecturesOf(profile: SeccompProfile, native: NativeArchitecture): Architecture[] {
  const listed = profile.architectures ?? [];
  const mapped = profile.archMap ?? [];
  if (listed.length > 0 && mapped.length > 0) {
    throw invalid(
      "both 'architectures' and 'archMap' were specified in the seccomp profile, use either 'architectures' or 'archMap'",
    );
  }
  const entry = mapped.find((candidate) => candidate.architecture === native.name);
  const names = new Set([native.name, ...listed, ...(entry?.subArchitectures ?? [])]);
  return [...names].flatMap((name) => architectureNamed(name) ?? []);
}
