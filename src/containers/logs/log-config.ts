import { invalid } from '../../base/errors.ts';
import type { LogFileOptions, LogRotation } from '../../runtime/contract.ts';
import { parseBoolean } from '../../wire/booleans.ts';
import type { ContainerConfig, HostConfig } from '../../wire/container-config.ts';
import { parseSize } from '../../wire/sizes.ts';

type LogConfig = HostConfig['LogConfig'];

const jsonFileOptions = new Set([
  'max-file',
  'max-size',
  'compress',
  'labels',
  'labels-regex',
  'env',
  'env-regex',
  'tag',
]);

/** Options of every driver. */
const commonOptions = new Set(['mode', 'max-buffer-size']);

/** The daemon's driver and options where the container names none. Fails with `invalid-argument` in Docker's words. */
export function completeLogConfig(
  given: LogConfig,
  defaults: { readonly Type: string; readonly Config: Readonly<Record<string, string>> },
): LogConfig {
  const type = given.Type || defaults.Type;
  const inherited = type === defaults.Type ? defaults.Config : {};
  const completed: LogConfig = { Type: type, Config: { ...inherited, ...given.Config } };
  checkLogConfig(completed);
  return completed;
}

function checkLogConfig({ Type: type, Config: config }: LogConfig): void {
  if (type === 'none') return;
  if (type !== 'json-file') {
    throw invalid(`error looking up logging plugin ${type}: plugin "${type}" not found`);
  }
  const options = config ?? {};
  checkMode(options);
  for (const name of Object.keys(options)) {
    if (!jsonFileOptions.has(name) && !commonOptions.has(name)) {
      throw invalid(`unknown log opt '${name}' for json-file log driver`);
    }
  }
  readRotation(options);
  for (const name of ['labels-regex', 'env-regex']) readPattern(options, name);
}

function checkMode(options: Readonly<Record<string, string>>): void {
  const mode = options.mode ?? '';
  if (!['', 'blocking', 'non-blocking'].includes(mode)) {
    throw invalid(`logger: logging mode not supported: ${mode}`);
  }
  const buffer = options['max-buffer-size'];
  if (buffer === undefined) return;
  if (mode !== 'non-blocking') {
    throw invalid("logger: max-buffer-size option is only supported with 'mode=non-blocking'");
  }
  if (logSize(buffer) === undefined) {
    throw invalid(`error parsing option max-buffer-size: invalid size: '${buffer}'`);
  }
}

/** When a log is rotated. Fails with `invalid-argument` in Docker's words. */
export function readRotation(options: Readonly<Record<string, string>>): LogRotation {
  const size = options['max-size'];
  const maxSize = size === undefined || size === '-1' ? 0 : logSize(size);
  if (maxSize === undefined) throw invalid(`invalid size: '${size}'`);
  if (size !== undefined && size !== '-1' && maxSize <= 0)
    throw invalid('max-size must be a positive number');
  const files = options['max-file'] ?? '1';
  if (!/^-?\d+$/.test(files)) throw invalid(`strconv.Atoi: parsing "${files}": invalid syntax`);
  const maxFiles = Number(files);
  if (maxFiles < 1) throw invalid('max-file cannot be less than 1');
  const compress = parseBoolean(options.compress ?? 'false');
  if (compress && (maxFiles < 2 || maxSize === 0)) {
    throw invalid('compress cannot be true when max-file is less than 2 or max-size is not set');
  }
  return { maxSize, maxFiles, compress };
}

/** Docker counts the sizes of logs in decimal units; undefined when it is no size. */
function logSize(text: string): number | undefined {
  try {
    return parseSize(text, 1000);
  } catch {
    return undefined;
  }
}

function readPattern(options: Readonly<Record<string, string>>, name: string): RegExp | undefined {
  const text = options[name];
  if (text === undefined || text === '') return undefined;
  try {
    return new RegExp(text);
  } catch {
    throw invalid(`error parsing regexp in log opt '${name}': \`${text}\``);
  }
}

export interface LoggedContainer {
  readonly id: string;
  readonly name: string;
  readonly imageId: string;
  readonly config: ContainerConfig;
  readonly hostConfig: HostConfig;
}

/** How the supervisor is to write the log; undefined for driver "none". */
export function logFileOptions(container: LoggedContainer, path: string): LogFileOptions | undefined {
  const { Type: type, Config: config } = container.hostConfig.LogConfig;
  if (type === 'none') return undefined;
  const options = config ?? {};
  return { path, ...readRotation(options), attributes: logAttributes(container, options) };
}

/** What each record carries as `attrs`: the labels and variables that the options name, and the tag. */
function logAttributes(
  { id, name, imageId, config }: LoggedContainer,
  options: Readonly<Record<string, string>>,
): Record<string, string> {
  const labels = Object.entries(config.Labels ?? {});
  const variables = (config.Env ?? []).map((entry): [string, string] => {
    const equals = entry.indexOf('=');
    return equals < 0 ? [entry, ''] : [entry.slice(0, equals), entry.slice(equals + 1)];
  });
  const attributes = Object.fromEntries([
    ...chosen(labels, options, 'labels'),
    ...chosen(variables, options, 'env'),
  ]);
  const tag = options.tag ?? '';
  if (tag !== '') attributes.tag = expandTag(tag, { id, name, imageId, config });
  return attributes;
}

function chosen(
  entries: readonly [string, string][],
  options: Readonly<Record<string, string>>,
  name: 'labels' | 'env',
): [string, string][] {
  const names = new Set((options[name] ?? '').split(',').filter(Boolean));
  const pattern = readPattern(options, `${name}-regex`);
  if (names.size === 0 && pattern === undefined) return [];
  return entries.filter(([key]) => names.has(key) || pattern?.test(key) === true);
}

/** The fields that Docker's documentation names for `--log-opt tag`. */
function expandTag(tag: string, container: Omit<LoggedContainer, 'hostConfig'>): string {
  const image = container.imageId.replace(/^sha256:/, '');
  const fields: Readonly<Record<string, string>> = {
    ID: container.id.slice(0, 12),
    FullID: container.id,
    Name: container.name,
    ImageID: image.slice(0, 12),
    ImageFullID: container.imageId,
    ImageName: container.config.Image,
    DaemonName: 'sampan',
  };
  return tag.replace(/\{\{\s*\.(\w+)\s*\}\}/g, (whole, field: string) => fields[field] ?? whole);
}
