import type { AppliedChange, ContainerChanges } from '../../wire/container-changes.ts';
import { flag, type OptionsOf } from '../flag.ts';
import { list, text } from '../flag-types.ts';
import { capabilities, environmentOf, healthConfig, parseKeyValues, withoutZeroes } from './create-body.ts';
import { containerFlags } from './create-flags.ts';
import { readKeyValueFiles } from './key-value-files.ts';
import { parsePorts } from './ports.ts';
import { parseVolumes } from './volumes.ts';

const shared = [
  'cap-add',
  'cap-drop',
  'domainname',
  'env',
  'env-file',
  'health-cmd',
  'health-interval',
  'health-retries',
  'health-start-interval',
  'health-start-period',
  'health-timeout',
  'hostname',
  'label',
  'label-file',
  'log-driver',
  'log-opt',
  'mount',
  'no-healthcheck',
  'stop-signal',
  'stop-timeout',
  'tmpfs',
  'user',
  'volume',
  'workdir',
] as const;

const sharedFlags = Object.fromEntries(shared.map((name) => [name, containerFlags[name]])) as Pick<
  typeof containerFlags,
  (typeof shared)[number]
>;

/** What `update` can change beyond Docker's limits. */
export const changeFlags = {
  ...sharedFlags,
  // `-h` is docker's old short form of `--help` here.
  hostname: flag(text(), '', containerFlags.hostname.usage),
  cmd: flag(text(), '', 'Replace the command; as a JSON list, or as a line for the shell'),
  entrypoint: flag(text(), '', 'Replace the entry point; as a JSON list, or as one program'),
  'env-rm': flag(list(), '', 'Remove environment variables'),
  'label-rm': flag(list(), '', 'Remove labels'),
  'mount-rm': flag(list(), '', 'Remove what is mounted at these paths'),
  'publish-add': flag(list(), '', 'Publish more ports on the host ([[IP:]HOST:]CONTAINER[/PROTO])'),
  'publish-rm': flag(list(), '', 'Publish ports no longer ([[IP:]HOST:]CONTAINER[/PROTO])'),
} as const;

type Options = OptionsOf<typeof changeFlags>;

/** The `Changes` of a request; undefined when none of these flags was given. Throws an Error in Docker's words where it has some. */
export function changesOf(
  options: Options,
  changed: (name: keyof Options & string) => boolean,
): ContainerChanges | undefined {
  const names = Object.keys(changeFlags) as (keyof Options & string)[];
  if (!names.some(changed)) return undefined;
  return {
    ...portChanges(options),
    ...describingChanges(options),
    ...processChanges(options, changed),
    ...mountChanges(options),
    ...logChanges(options),
  };
}

function portChanges(options: Options): ContainerChanges {
  const added = parsePorts(options['publish-add'], []).bindings;
  const removed = parsePorts(options['publish-rm'], []).bindings;
  return { ...whenAny('PublishAdd', added), ...whenAny('PublishRemove', removed) };
}

function describingChanges(options: Options): ContainerChanges {
  const env = environmentOf({ options, proxyEnvironment: [] });
  const labels = parseKeyValues([...readKeyValueFiles(options['label-file']), ...options.label]);
  const health = healthConfig(options);
  return {
    ...whenAny('Env', env),
    ...whenAny('EnvRemove', [...options['env-rm']]),
    ...whenAny('Labels', labels),
    ...whenAny('LabelsRemove', [...options['label-rm']]),
    ...(health === undefined ? {} : { Healthcheck: health }),
  };
}

function processChanges(
  options: Options,
  changed: (name: keyof Options & string) => boolean,
): ContainerChanges {
  return {
    ...(changed('hostname') ? { Hostname: options.hostname } : {}),
    ...(changed('domainname') ? { Domainname: options.domainname } : {}),
    ...(changed('user') ? { User: options.user } : {}),
    ...(changed('workdir') ? { WorkingDir: options.workdir } : {}),
    ...(changed('entrypoint') ? { Entrypoint: wordsOf('entrypoint', options.entrypoint, []) } : {}),
    ...(changed('cmd') ? { Cmd: wordsOf('cmd', options.cmd, ['/bin/sh', '-c']) } : {}),
    ...(changed('stop-signal') ? { StopSignal: options['stop-signal'] } : {}),
    ...(changed('stop-timeout') ? { StopTimeout: options['stop-timeout'] } : {}),
    ...whenAny('CapAdd', capabilities(options['cap-add']) ?? []),
    ...whenAny('CapDrop', capabilities(options['cap-drop']) ?? []),
  };
}

function mountChanges(options: Options): ContainerChanges {
  const { binds, anonymous } = parseVolumes(options.volume);
  const tmpfs = Object.fromEntries(options.tmpfs.map((spec) => splitOnce(spec, ':')));
  return {
    ...whenAny('Binds', [...(binds ?? []), ...Object.keys(anonymous)]),
    ...whenAny('Mounts', options.mount.map(withoutZeroes)),
    ...whenAny('Tmpfs', tmpfs),
    ...whenAny('MountsRemove', [...options['mount-rm']]),
  };
}

function logChanges(options: Options): ContainerChanges {
  const driver = options['log-driver'];
  const given = options['log-opt'];
  if (driver === '' && given.length === 0) return {};
  return { LogConfig: { Type: driver, Config: parseKeyValues(given) } };
}

function splitOnce(spec: string, separator: string): [string, string] {
  const at = spec.indexOf(separator);
  return at < 0 ? [spec, ''] : [spec.slice(0, at), spec.slice(at + 1)];
}

function whenAny<K extends keyof ContainerChanges, V extends object>(key: K, value: V): { [P in K]?: V } {
  if (Object.keys(value).length === 0) return {};
  const result: { [P in K]?: V } = {};
  result[key] = value;
  return result;
}

/** A JSON list is taken as it is, another text as one word behind `before`; nothing is no words. */
function wordsOf(name: string, value: string, before: readonly string[]): string[] {
  if (value === '') return [];
  if (!value.trimStart().startsWith('[')) return [...before, value];
  let words: unknown;
  try {
    words = JSON.parse(value);
  } catch {
    words = undefined;
  }
  if (Array.isArray(words) && words.every((word) => typeof word === 'string')) return words;
  throw new Error(`invalid value for --${name}: ${value} is no JSON list of words`);
}

/** "publish 8080:80/tcp: now", "env NAME removed: at next start". */
export function describeChange({ Kind, Name, Removed, Applied }: AppliedChange): string {
  const what = [Kind, ...(Name === '' ? [] : [Name]), ...(Removed ? ['removed'] : [])].join(' ');
  return `${what}: ${Applied === 'now' ? 'now' : 'at next start'}`;
}
