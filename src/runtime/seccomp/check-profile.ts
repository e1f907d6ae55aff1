import { invalid } from '../../base/errors.ts';
import { isJsonObject, type JsonObject } from '../../base/json.ts';
import type { SeccompProfile } from '../../oci/runtime-spec.ts';

/**
 * Checks that a profile has the shape that its type promises. Profiles come from users as JSON, which earlier readers may have
 * looked at less closely. Fails with `invalid-argument`, naming the part.
 */
export function checkProfile(profile: SeccompProfile): void {
  const whole: unknown = profile;
  if (!isJsonObject(whole)) throw misshapen('the profile', 'an object');
  checkText(whole, 'defaultAction', 'the profile');
  checkOptionalNumber(whole, 'defaultErrnoRet', 'the profile');
  for (const key of ['architectures', 'flags']) checkOptionalTexts(whole, key, 'the profile');
  for (const entry of checkOptionalList(whole, 'archMap', 'the profile')) {
    checkText(entry, 'architecture', 'archMap');
    checkOptionalTexts(entry, 'subArchitectures', 'archMap');
  }
  for (const [index, rule] of checkOptionalList(whole, 'syscalls', 'the profile').entries()) {
    checkRule(rule, `rule ${index + 1}`);
  }
}

function checkRule(rule: JsonObject, where: string): void {
  if (!isTexts(rule['names'])) throw misshapen(`names of ${where}`, 'a list of strings');
  checkText(rule, 'action', where);
  checkOptionalNumber(rule, 'errnoRet', where);
  for (const argument of checkOptionalList(rule, 'args', where)) {
    for (const key of ['index', 'value']) {
      if (typeof argument[key] !== 'number') throw misshapen(`${key} of an argument of ${where}`, 'a number');
    }
    checkOptionalNumber(argument, 'valueTwo', where);
    checkText(argument, 'op', where);
  }
  for (const key of ['includes', 'excludes']) {
    const condition = rule[key] ?? {};
    if (!isJsonObject(condition)) throw misshapen(`${key} of ${where}`, 'an object');
    for (const list of ['arches', 'caps']) checkOptionalTexts(condition, list, where);
    if (condition['minKernel'] !== undefined) checkText(condition, 'minKernel', where);
  }
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}

function checkText(object: JsonObject, key: string, where: string): void {
  if (typeof object[key] !== 'string') throw misshapen(`${key} of ${where}`, 'a string');
}

function checkOptionalNumber(object: JsonObject, key: string, where: string): void {
  const value = object[key] ?? 0;
  if (typeof value !== 'number') throw misshapen(`${key} of ${where}`, 'a number');
}

function checkOptionalTexts(object: JsonObject, key: string, where: string): void {
  if (!isTexts(object[key] ?? [])) throw misshapen(`${key} of ${where}`, 'a list of strings');
}

/** Go writes an empty list as null. */
function checkOptionalList(object: JsonObject, key: string, where: string): readonly JsonObject[] {
  const list = object[key] ?? [];
  if (Array.isArray(list) && list.every(isJsonObject)) return list;
  throw misshapen(`${key} of ${where}`, 'a list of objects');
}

function misshapen(what: string, wanted: string): Error {
  return invalid(`seccomp: ${what} is not ${wanted}`);
}
