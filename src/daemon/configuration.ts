import { homedir } from 'node:os';
import { invalid, messageOf } from '../base/errors.ts';
import { isJsonObject, type JsonObject } from '../base/json.ts';
import type { LogLevel } from '../base/log.ts';
import type { EngineOptions } from '../engine/engine.ts';
import type { Ulimit } from '../wire/container-config.ts';
import { parseSize } from '../wire/sizes.ts';
import { parseUlimit } from '../wire/ulimits.ts';
import { type Setting, type SettingName, settings } from './settings.ts';

type ValueOf<T extends Setting['type']> = T extends 'bool'
  ? boolean
  : T extends 'int' | 'bytes'
    ? number
    : T extends 'list' | 'pools' | 'options'
      ? readonly string[]
      : T extends 'map'
        ? Readonly<Record<string, string>>
        : T extends 'ulimits'
          ? readonly Ulimit[]
          : string;

/** Each setting with its value: from the command line, daemon.json, or the default. Sizes in bytes. */
export type Configuration = { readonly [N in SettingName]: ValueOf<(typeof settings)[N]['type']> };

type Values = ReadonlyMap<SettingName, unknown>;

const byName = Object.entries(settings) as [SettingName, Setting][];
const byKey = new Map(byName.map(([name, setting]) => [keyOf(setting), name]));

function keyOf(setting: Setting): string {
  return setting.key ?? setting.flag;
}

/**
 * Flags (as typed: each occurrence's text by long flag) and the text of daemon.json, if there is one, as one configuration. Fails with
 * `invalid-argument` on unknown keys, wrong types, and settings given in both places, as dockerd does.
 */
export function resolveConfiguration(
  flags: ReadonlyMap<string, readonly string[]>,
  file: { readonly path: string; readonly text: string } | undefined,
): Configuration {
  const given = readFlags(flags);
  const written = file === undefined ? new Map<SettingName, unknown>() : readFile(file.path, file.text);
  refuseDuplicates(given, written);
  const resolved = Object.fromEntries(
    byName.map(([name, setting]) => [name, given.get(name) ?? written.get(name) ?? defaultOf(setting)]),
  ) as Configuration;
  check(resolved);
  return resolved;
}

/** The settings that may change while the daemon runs. */
export function livePart(configuration: Configuration): Partial<Configuration> {
  const live = byName.filter(([, setting]) => setting.live === true);
  return Object.fromEntries(live.map(([name]) => [name, configuration[name]]));
}

function readFlags(flags: ReadonlyMap<string, readonly string[]>): Values {
  const values = new Map<SettingName, unknown>();
  for (const [name, setting] of byName) {
    const texts = flags.get(setting.flag);
    if (texts !== undefined && texts.length > 0) values.set(name, fromTexts(setting, texts));
  }
  return values;
}

function fromTexts(setting: Setting, texts: readonly string[]): unknown {
  const last = texts.at(-1) ?? '';
  switch (setting.type) {
    case 'list':
    case 'pools':
      return texts;
    case 'options':
      return texts.map((text) => driverOption(setting, text));
    case 'map':
      return Object.fromEntries(texts.map((text) => pair(setting, text)));
    case 'ulimits':
      return texts.map(parseUlimit);
    case 'bool':
      return last === 'true';
    case 'int':
      return integer(setting, last);
    case 'bytes':
      return parseBytes(setting, last);
    case 'string':
      return last;
  }
}

function readFile(path: string, text: string): Values {
  const values = new Map<SettingName, unknown>();
  if (text.trim() === '') return values;
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw unusable(path, messageOf(cause));
  }
  if (!isJsonObject(document)) throw unusable(path, 'not a JSON object');
  const entries = flatten(document);
  const unknown = entries.map(([key]) => key).filter((key) => !byKey.has(key));
  if (unknown.length > 0) {
    throw unusable(
      path,
      `the following directives don't match any configuration option: ${unknown.join(', ')}`,
    );
  }
  for (const [key, value] of entries) {
    const name = byKey.get(key);
    if (name !== undefined) values.set(name, fromJson(path, settings[name], value));
  }
  return values;
}

/** Keys with their values, those of the one group that daemon.json has as "proxies.http-proxy". */
function flatten({ proxies, ...others }: JsonObject): [string, unknown][] {
  const grouped: [string, unknown][] = isJsonObject(proxies)
    ? Object.entries(proxies).map(([key, value]) => [`proxies.${key}`, value])
    : [];
  const wrong: [string, unknown][] =
    proxies === undefined || isJsonObject(proxies) ? [] : [['proxies', proxies]];
  return [...Object.entries(others), ...grouped, ...wrong];
}

function fromJson(path: string, setting: Setting, value: unknown): unknown {
  const wrong = (): Error =>
    unusable(path, `${keyOf(setting)}: ${JSON.stringify(value)} is not a ${setting.type}`);
  const isText = (item: unknown): item is string => typeof item === 'string';
  if (setting.type === 'bool' && typeof value === 'boolean') return value;
  if (setting.type === 'int' && Number.isSafeInteger(value)) return value;
  if (setting.type === 'bytes' && (isText(value) || Number.isSafeInteger(value)))
    return parseBytes(setting, String(value));
  if (setting.type === 'string' && isText(value)) return value;
  if (setting.type === 'list' && Array.isArray(value) && value.every(isText)) return value;
  if (setting.type === 'pools' && Array.isArray(value)) return value.map((pool) => poolFromJson(pool, wrong));
  if (!isJsonObject(value)) throw wrong();
  if (setting.type === 'options') return optionsFromJson(value, wrong);
  if (setting.type === 'map' && Object.values(value).every(isText)) return value;
  if (setting.type === 'ulimits')
    return Object.entries(value).map(([name, limit]) => ulimitFromJson(name, limit, wrong));
  throw wrong();
}

/** {"bridge": {"option": "value"}} as the flag has it. */
function optionsFromJson(value: JsonObject, wrong: () => Error): readonly string[] {
  return Object.entries(value).flatMap(([driver, options]) => {
    if (!isJsonObject(options)) throw wrong();
    return Object.entries(options).map(([option, text]) => {
      if (typeof text !== 'string') throw wrong();
      return `${driver}=${option}=${text}`;
    });
  });
}

function driverOption(setting: Setting, text: string): string {
  if (/^[^=]+=[^=]+=/.test(text)) return text;
  throw invalid(
    `invalid argument ${JSON.stringify(text)} for "--${setting.flag}" flag: expected driver=option=value`,
  );
}

/** {"base": "10.10.0.0/16", "size": 24} as the flag has it. */
function poolFromJson(pool: unknown, wrong: () => Error): string {
  if (!isJsonObject(pool)) throw wrong();
  const { base, size } = pool;
  if (typeof base !== 'string' || !Number.isSafeInteger(size)) throw wrong();
  return `base=${base},size=${size}`;
}

function ulimitFromJson(name: string, limit: unknown, wrong: () => Error): Ulimit {
  if (!isJsonObject(limit)) throw wrong();
  const fields = new Map(Object.entries(limit).map(([key, value]) => [key.toLowerCase(), value]));
  const soft = fields.get('soft') ?? fields.get('hard');
  const hard = fields.get('hard') ?? soft;
  if (!Number.isSafeInteger(soft) || !Number.isSafeInteger(hard)) throw wrong();
  return { Name: name, Soft: Number(soft), Hard: Number(hard) };
}

function refuseDuplicates(given: Values, written: Values): void {
  const twice = [...given.keys()].filter((name) => written.has(name) && name !== 'configFile');
  if (twice.length === 0) return;
  const list = twice.map(
    (name) =>
      `${keyOf(settings[name])}: (from flag: ${show(given.get(name))}, from file: ${show(written.get(name))})`,
  );
  throw invalid(
    `the following directives are specified both as a flag and in the configuration file: ${list.join(', ')}`,
  );
}

function show(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function defaultOf(setting: Setting): unknown {
  if (setting.default !== undefined) {
    return setting.type === 'string'
      ? setting.default.replace(/^~/, homedir())
      : fromTexts(setting, [setting.default]);
  }
  const zero = {
    string: '',
    bool: false,
    int: 0,
    bytes: 0,
    list: [],
    map: {},
    ulimits: [],
    pools: [],
    options: [],
  } as const;
  return zero[setting.type];
}

const levels: readonly string[] = ['debug', 'info', 'warn', 'error', 'fatal'] satisfies LogLevel[];

function check(configuration: Configuration): void {
  const { logLevel, labels, storageDriver, bridge } = configuration;
  if (!levels.includes(logLevel)) throw invalid(`invalid logging level: ${logLevel}`);
  const bad = labels.find((label) => !label.includes('='));
  if (bad !== undefined) throw invalid(`bad attribute format: ${bad}`);
  if (!['', 'erofs', 'overlay'].includes(storageDriver))
    throw invalid(`unknown storage driver ${JSON.stringify(storageDriver)}: expected erofs or overlay`);
  checkRegistries(configuration);
  checkNetwork(configuration);
  // IFNAMSIZ (linux/if.h): 15 characters, no slash, no blank.
  if (!/^[^\s/]{1,15}$/.test(bridge)) throw invalid(`invalid bridge name ${JSON.stringify(bridge)}`);
}

export type HostFirewall = NonNullable<EngineOptions['network']['hostFirewall']>;

const manners: readonly string[] = ['respect', 'bypass', 'hands-off'] satisfies HostFirewall[];

function checkNetwork(configuration: Configuration): void {
  const { hostFirewall, firewallBackend, userlandProxyPath, allowDirectRouting, bridge } = configuration;
  if (!manners.includes(hostFirewall)) {
    throw invalid(`invalid host-firewall: ${JSON.stringify(hostFirewall)}`, {
      hint: 'Choose "respect", "bypass" or "hands-off".',
    });
  }
  if (firewallBackend !== 'nftables') {
    throw invalid(`firewall-backend ${JSON.stringify(firewallBackend)} is not supported`, {
      hint: 'Rules are made with nftables, beside those of iptables.',
    });
  }
  if (userlandProxyPath !== '') {
    throw invalid('userland-proxy-path is not supported', { hint: 'The relay is part of Sampan.' });
  }
  if (allowDirectRouting) {
    throw invalid('allow-direct-routing is not supported', {
      hint: 'Give networks the option com.docker.network.bridge.gateway_mode_ipv4=routed or nat-unprotected.',
    });
  }
  if (bridge === 'none') {
    throw invalid('bridge "none" is not supported', {
      hint: 'There is always a default bridge; containers stay off it with --network none.',
    });
  }
}

function checkRegistries(configuration: Configuration): void {
  const { maxConcurrentDownloads, maxConcurrentUploads, maxDownloadAttempts } = configuration;
  if (maxConcurrentDownloads < 1)
    throw invalid(`invalid max concurrent downloads: ${maxConcurrentDownloads}`);
  if (maxConcurrentUploads < 1) throw invalid(`invalid max concurrent uploads: ${maxConcurrentUploads}`);
  if (maxDownloadAttempts < 1) throw invalid(`invalid max download attempts: ${maxDownloadAttempts}`);
  const { registryMirrors, insecureRegistries, hubSearchUrl } = configuration;
  const strange = registryMirrors.find((text) => !isOrigin(text));
  if (strange !== undefined) {
    throw invalid(`invalid mirror: ${JSON.stringify(strange)} is not "http://host" or "https://host"`);
  }
  const url = insecureRegistries.find((text) => text.includes('://'));
  if (url !== undefined) throw invalid(`insecure registry ${url} should not contain '://'`);
  if (hubSearchUrl !== '' && !isOrigin(hubSearchUrl)) {
    throw invalid(`invalid hub-search-url: ${JSON.stringify(hubSearchUrl)} is not "https://host"`);
  }
}

/** Whether the text is a URL of scheme and host only. */
function isOrigin(text: string): boolean {
  if (!URL.canParse(text) || !/^https?:\/\//.test(text)) return false;
  const { pathname, search, hash, username, password } = new URL(text);
  return pathname === '/' && [search, hash, username, password].every((part) => part === '');
}

function unusable(path: string, reason: string): Error {
  return invalid(`unable to configure the daemon with file ${path}: ${reason}`);
}

function pair(setting: Setting, text: string): [string, string] {
  const equals = text.indexOf('=');
  if (equals <= 0)
    throw invalid(
      `invalid argument ${JSON.stringify(text)} for "--${setting.flag}" flag: expected key=value`,
    );
  return [text.slice(0, equals), text.slice(equals + 1)];
}

function integer(setting: Setting, text: string): number {
  if (!/^-?\d{1,15}$/.test(text))
    throw invalid(`invalid argument ${JSON.stringify(text)} for "--${setting.flag}" flag: not a number`);
  return Number(text);
}

function parseBytes(setting: Setting, text: string): number {
  try {
    return parseSize(text);
  } catch (cause) {
    throw invalid(
      `invalid argument ${JSON.stringify(text)} for "--${setting.flag}" flag: ${messageOf(cause)}`,
    );
  }
}
