import { invalid } from '../base/errors.ts';
import type { HealthConfig, ImageProcess } from '../oci/image.ts';
import { isTextList } from './config.ts';

/**
 * Applies Dockerfile instructions to an image's process configuration, as `import --change` and `commit --change` do: CMD,
 * ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR. Others fail with
 * `invalid-argument` "X is not a valid change command".
 */
export function applyChanges(config: ImageProcess, changes: readonly string[]): ImageProcess {
  return changes
    .flatMap((change) => change.split('\n'))
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .reduce(applyChange, config);
}

function applyChange(config: ImageProcess, line: string): ImageProcess {
  const [, word = '', rest = ''] = /^(\S+)\s*([\s\S]*)$/.exec(line) ?? [];
  const instruction = instructions[word.toUpperCase()];
  if (instruction === undefined) throw invalid(`${word.toLowerCase()} is not a valid change command`);
  if (rest.trim() === '') throw invalid(`${word.toUpperCase()} requires at least one argument`);
  return { ...config, ...instruction(rest.trim(), config) };
}

type Instruction = (argument: string, config: ImageProcess) => Partial<ImageProcess>;

const instructions: Readonly<Record<string, Instruction>> = {
  CMD: (argument) => ({ Cmd: command(argument) }),
  ENTRYPOINT: (argument) => ({ Entrypoint: command(argument) }),
  ENV: (argument, config) => ({ Env: mergeEnvironment(config.Env ?? [], pairs('ENV', argument)) }),
  EXPOSE: (argument, config) => ({ ExposedPorts: { ...config.ExposedPorts, ...exposedPorts(argument) } }),
  HEALTHCHECK: (argument) => ({ Healthcheck: healthcheck(argument) }),
  LABEL: (argument, config) => ({
    Labels: { ...config.Labels, ...Object.fromEntries(pairs('LABEL', argument)) },
  }),
  ONBUILD: (argument, config) => ({ OnBuild: [...(config.OnBuild ?? []), onBuild(argument)] }),
  STOPSIGNAL: (argument) => ({ StopSignal: argument }),
  USER: (argument) => ({ User: argument }),
  VOLUME: (argument, config) => ({
    Volumes: { ...config.Volumes, ...Object.fromEntries(words(argument).map((path) => [path, {}])) },
  }),
  WORKDIR: (argument, config) => ({ WorkingDir: joinDirectory(config.WorkingDir ?? '/', argument) }),
};

function command(argument: string): string[] {
  return jsonList(argument) ?? ['/bin/sh', '-c', argument];
}

function jsonList(argument: string): string[] | undefined {
  if (!argument.startsWith('[')) return undefined;
  try {
    const value: unknown = JSON.parse(argument);
    return isTextList(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function words(argument: string): string[] {
  return jsonList(argument) ?? argument.split(/\s+/);
}

/** `k=v k2="v 2"` or the old `k v with blanks`. */
function pairs(instruction: string, argument: string): [string, string][] {
  if (!/^[^\s=]+=/.test(argument)) {
    const [, key = '', value] = /^(\S+)\s+([\s\S]+)$/.exec(argument) ?? [];
    if (value === undefined) throw invalid(`${instruction} must have two arguments`);
    return [[key, value]];
  }
  return splitQuoted(argument).map((word) => {
    const equals = word.indexOf('=');
    if (equals <= 0)
      throw invalid(
        `Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`,
      );
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
}

/** Shell-like words: quotes group, a backslash escapes; both are removed. */
function splitQuoted(text: string): string[] {
  const result: string[] = [];
  const pattern = /(?:[^\s"'\\]|\\[\s\S]|"(?:[^"\\]|\\[\s\S])*"|'[^']*')+/g;
  for (const [word] of text.matchAll(pattern)) {
    result.push(
      word.replace(/\\([\s\S])|"((?:[^"\\]|\\[\s\S])*)"|'([^']*)'/g, (_, escaped, double, single) => {
        if (escaped !== undefined) return escaped;
        return double === undefined ? single : double.replace(/\\(["\\$])/g, '$1');
      }),
    );
  }
  return result;
}

function mergeEnvironment(current: readonly string[], changes: readonly [string, string][]): string[] {
  const merged = [...current];
  for (const [key, value] of changes) {
    const index = merged.findIndex((entry) => entry.startsWith(`${key}=`));
    if (index < 0) merged.push(`${key}=${value}`);
    else merged[index] = `${key}=${value}`;
  }
  return merged;
}

function exposedPorts(argument: string): Record<string, object> {
  const ports: Record<string, object> = {};
  for (const word of words(argument)) {
    const match = /^(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp))?$/i.exec(word);
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? first);
    if (match === null || first < 1 || last > 65535 || last < first)
      throw invalid(`invalid containerPort: ${word}`);
    for (let port = first; port <= last; port++) ports[`${port}/${(match[3] ?? 'tcp').toLowerCase()}`] = {};
  }
  return ports;
}

function onBuild(argument: string): string {
  const trigger = argument.split(/\s+/, 1)[0]?.toUpperCase();
  if (trigger === 'ONBUILD') throw invalid("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (trigger === 'FROM' || trigger === 'MAINTAINER')
    throw invalid(`${trigger} isn't allowed as an ONBUILD trigger`);
  return argument;
}

const durationUnits: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

function nanoseconds(text: string): number {
  if (!/^(\d+(\.\d+)?(ns|us|ms|s|m|h))+$/.test(text))
    throw invalid(`time: invalid duration ${JSON.stringify(text)}`);
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)/g)) {
    total += Number(amount) * (durationUnits[unit ?? ''] ?? 0);
  }
  return Math.round(total);
}

function healthcheck(argument: string): HealthConfig {
  if (argument.toUpperCase() === 'NONE') return { Test: ['NONE'] };
  let rest = argument;
  const options: { -readonly [K in keyof HealthConfig]: HealthConfig[K] } = {};
  for (let flag = nextFlag(rest); flag !== undefined; flag = nextFlag(rest)) {
    rest = flag.rest;
    if (flag.name === 'interval') options.Interval = nanoseconds(flag.value);
    else if (flag.name === 'timeout') options.Timeout = nanoseconds(flag.value);
    else if (flag.name === 'start-period') options.StartPeriod = nanoseconds(flag.value);
    else if (flag.name === 'start-interval') options.StartInterval = nanoseconds(flag.value);
    else if (flag.name === 'retries' && /^\d+$/.test(flag.value)) options.Retries = Number(flag.value);
    else throw invalid(`Unknown flag: ${flag.name}`);
  }
  const [, kind = '', test = ''] = /^(\S+)\s*([\s\S]*)$/.exec(rest) ?? [];
  if (kind.toUpperCase() !== 'CMD') {
    throw invalid(`Unknown type ${JSON.stringify(kind)} in HEALTHCHECK (try CMD)`);
  }
  if (test === '') throw invalid('Missing command after HEALTHCHECK CMD');
  const list = jsonList(test);
  return { ...options, Test: list === undefined ? ['CMD-SHELL', test] : ['CMD', ...list] };
}

function nextFlag(text: string): { name: string; value: string; rest: string } | undefined {
  const match = /^--([a-z-]+)=(\S+)\s*([\s\S]*)$/.exec(text);
  return match === null ? undefined : { name: match[1] ?? '', value: match[2] ?? '', rest: match[3] ?? '' };
}

function joinDirectory(current: string, argument: string): string {
  const parts: string[] = [];
  for (const part of `${argument.startsWith('/') ? '' : current}/${argument}`.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}
