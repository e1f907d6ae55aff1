import { formatPlatform, parsePlatform, platformFit } from '../../oci/platform.ts';
import { parseReference } from '../../oci/reference.ts';
import type { Dockerfile } from '../dockerfile.ts';
import { expand } from '../expansion.ts';
import type { FromInstruction } from '../instructions.ts';
import { suggestion } from '../suggestion.ts';
import type { LintOptions } from './lint.ts';
import type { LintReport } from './report.ts';

const reserved = ['context', 'scratch'];

/** Stages: their names, bases and platforms. */
export function checkFrom(file: Dockerfile, options: LintOptions, report: LintReport): void {
  const seen = new Set<string>();
  for (const { from } of file.stages) {
    checkName(from, seen, report);
    checkVariablesOf(file, from, options, report);
    checkPlatform(file, from, options, report);
    checkDefault(file, from, options, report, seen);
    checkBase(file, from, options, report, seen);
    if (from.name !== '') seen.add(from.name);
  }
}

function checkName(
  { text, name, lines }: FromInstruction,
  seen: ReadonlySet<string>,
  report: LintReport,
): void {
  if (name === '') return;
  const written = /(\S+)$/.exec(text)?.[1] ?? name;
  if (written !== name) {
    report.add('StageNameCasing', lines, `Stage name '${written}' should be lowercase`);
  }
  if (reserved.includes(name)) {
    const detail = `Stage name should not use the same name as reserved stage ${JSON.stringify(name)}`;
    report.add('ReservedStageName', lines, detail);
  }
  if (seen.has(name)) {
    const detail = `Duplicate stage name ${JSON.stringify(written)}, stage names should be unique`;
    report.add('DuplicateStageName', lines, detail);
  }
}

function checkVariablesOf(
  file: Dockerfile,
  { image, platform, lines }: FromInstruction,
  { globals }: LintOptions,
  report: LintReport,
): void {
  const unset = new Set<string>();
  const declared = new Set(globals.keys());
  const lookup = (name: string): string | undefined => {
    if (!declared.has(name)) unset.add(name);
    return globals.get(name);
  };
  const options = { escape: file.directives.escape, lookup };
  for (const word of [platform, image]) quietly(() => expand(word, options));
  for (const name of unset) {
    const detail = `FROM argument '${name}' is not declared${suggestion(name, [...declared])}`;
    report.add('UndefinedArgInFrom', lines, detail);
  }
}

function checkPlatform(
  file: Dockerfile,
  from: FromInstruction,
  { globals }: LintOptions,
  report: LintReport,
): void {
  const { platform, name, lines } = from;
  if (platform === '') return;
  const used: string[] = [];
  const lookup = (variable: string): string | undefined => {
    used.push(variable);
    return globals.get(variable);
  };
  const value = quietly(() => expand(platform, { escape: file.directives.escape, lookup }));
  if (value === undefined) return;
  if (used.length === 1 && used[0] === 'TARGETPLATFORM' && value === globals.get('TARGETPLATFORM')) {
    const detail = `Setting platform to predefined ${platform} in FROM is redundant as this is the default behavior`;
    report.add('RedundantTargetPlatform', lines, detail);
  }
  const constant = used.length > 0 ? undefined : quietly(() => parsePlatform(value));
  if (constant === undefined) return;
  const isNamed = [constant.os, constant.architecture].some((part) => name.includes(part));
  if (!isNamed) {
    const detail = `FROM --platform flag should not use constant value ${JSON.stringify(value)}`;
    report.add('FromPlatformFlagConstDisallowed', lines, detail);
  }
}

/** What FROM names as long as the build gives no values. */
function checkDefault(
  { globals: declared, directives }: Dockerfile,
  { image, lines }: FromInstruction,
  { globals }: LintOptions,
  report: LintReport,
  stages: ReadonlySet<string>,
): void {
  const defaults = new Map(declared.flatMap(({ pairs }) => pairs.map(({ name, value }) => [name, value])));
  const lookup = (name: string): string | undefined =>
    defaults.has(name) ? defaults.get(name) : globals.get(name);
  const value = quietly(() => expand(image, { escape: directives.escape, lookup }));
  if (value === undefined || stages.has(value.toLowerCase())) return;
  if (quietly(() => parseReference(value)) !== undefined) return;
  const detail = `Default value for ARG ${image} results in empty or invalid base image name`;
  report.add('InvalidDefaultArgInFrom', lines, detail);
}

function checkBase(
  { directives }: Dockerfile,
  { image, platform, lines }: FromInstruction,
  { globals, base, platform: target }: LintOptions,
  report: LintReport,
  stages: ReadonlySet<string>,
): void {
  const expansion = { escape: directives.escape, lookup: (name: string) => globals.get(name) };
  const name = quietly(() => expand(image, expansion)) ?? '';
  const wanted = quietly(() => parsePlatform(expand(platform, expansion))) ?? target;
  const found = stages.has(name.toLowerCase()) || name === 'scratch' ? undefined : base(name);
  if (found === undefined || platformFit(wanted, found.platform) > 0) return;
  const [actual, expected] = [found.platform, wanted].map((each) => JSON.stringify(formatPlatform(each)));
  const detail = `Base image ${name} was pulled with platform ${actual}, expected ${expected} for current build`;
  report.add('InvalidBaseImagePlatform', lines, detail);
}

/** What cannot be read at all is told when it is built. */
function quietly<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
