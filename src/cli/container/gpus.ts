import type { DeviceRequest } from '../../wire/container-config.ts';
import type { TypeOf } from '../../wire/schema.ts';
import { parseCsvLine } from '../csv.ts';
import type { FlagType } from '../flag.ts';
import { cut } from '../flag-types.ts';

export type DeviceRequestBody = TypeOf<typeof DeviceRequest>;

/** `all`, `2`, `device=0,driver=nvidia,capabilities=utility`. */
export const gpus: FlagType<readonly DeviceRequestBody[]> = {
  label: 'gpu-request',
  initial: () => [],
  parse: (value, current) => [...current, parseGpus(value)],
};

function parseGpus(value: string): DeviceRequestBody {
  const seen = new Set<string>();
  const request: DeviceRequestBody = {
    Driver: '',
    Count: 0,
    DeviceIDs: null,
    Capabilities: [['gpu']],
    Options: {},
  };
  for (const field of parseCsvLine(value)) {
    const [key, text] = cut(field, '=');
    if (seen.has(key)) throw new Error(`gpu request key '${key}' can be specified only once`);
    seen.add(key);
    if (!field.includes('=')) {
      seen.add('count');
      request.Count = parseCount(key);
    } else if (key === 'driver') request.Driver = text;
    else if (key === 'count') request.Count = parseCount(text);
    else if (key === 'device') request.DeviceIDs = text.split(',');
    else if (key === 'capabilities') request.Capabilities = [[...text.split(','), 'gpu']];
    else if (key === 'options') {
      request.Options = Object.fromEntries(parseCsvLine(text).map((option) => cut(option, '=')));
    } else throw new Error(`unexpected key '${key}' in '${field}'`);
  }
  if (!seen.has('count') && request.DeviceIDs === null) request.Count = 1;
  return request;
}

function parseCount(text: string): number {
  if (text === 'all') return -1;
  if (/^[+-]?\d+$/.test(text)) return Number(text);
  throw new Error(`invalid count (${text}): value must be either "all" or an integer: invalid syntax`);
}
