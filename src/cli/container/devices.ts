import { posix } from 'node:path';
import type { DeviceMapping } from '../../wire/container-config.ts';
import type { TypeOf } from '../../wire/schema.ts';

export interface ParsedDevices {
  readonly mappings: TypeOf<typeof DeviceMapping>[];
  /** Names of the Container Device Interface: `vendor.com/class=name`. */
  readonly cdi: string[];
}

const cdiPattern =
  /^[a-zA-Z][\w.-]*[a-zA-Z0-9]?\/[a-zA-Z](?:[\w-]*[a-zA-Z0-9])?=[a-zA-Z0-9](?:[\w.:-]*[a-zA-Z0-9])?$/;

/** Reads every `--device`: `/dev/x[:/dev/y][:rwm]`. Throws an Error in Docker's words. */
export function parseDevices(specs: readonly string[]): ParsedDevices {
  const result: ParsedDevices = { mappings: [], cdi: [] };
  for (const spec of specs) {
    if (cdiPattern.test(spec)) result.cdi.push(spec);
    else result.mappings.push(parseDevice(spec));
  }
  return result;
}

function parseDevice(spec: string): TypeOf<typeof DeviceMapping> {
  const parts = spec.split(':');
  const [source = '', second, third] = parts;
  if (parts.length > 3 || source === '') throw new Error(`bad format for path: ${spec}`);
  if (third !== undefined && !isMode(third)) throw new Error(`bad mode specified: ${third}`);
  const secondIsMode = third === undefined && second !== undefined && isMode(second);
  const inside = second === undefined || secondIsMode ? source : second;
  if (!inside.startsWith('/')) throw new Error(`${inside} is not an absolute path`);
  const isSame = second === undefined || secondIsMode;
  const pathInside = third === undefined ? posix.normalize(inside).replace(/(.)\/$/, '$1') : inside;
  return {
    PathOnHost: isSame ? pathInside : source,
    PathInContainer: pathInside,
    CgroupPermissions: third ?? (secondIsMode ? second : 'rwm'),
  };
}

/** Any of r, w and m, each once. */
function isMode(text: string): boolean {
  return /^[rwm]{1,3}$/.test(text) && new Set(text).size === text.length;
}
