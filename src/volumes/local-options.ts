import { invalid, SampanError } from '../base/errors.ts';

const known = new Set(['type', 'device', 'o', 'size']);

/**
 * Options of the local driver, as far as they are supported: none yet but empty ones. Fails with `invalid-argument` in Docker's
 * words for wrong ones, with `unimplemented` for those that would mount something.
 */
export function checkLocalOptions(name: string, options: Readonly<Record<string, string>>): void {
  const keys = Object.keys(options);
  const unknown = keys.find((key) => !known.has(key));
  if (unknown !== undefined) throw invalid(`create ${name}: invalid option: ${JSON.stringify(unknown)}`);
  if (keys.length === 0) return;
  if (options.size !== undefined) throw invalid(`create ${name}: quota size requested but no quota support`);
  if (!options.device) throw invalid(`create ${name}: missing required option: "device"`);
  if (!options.type) throw invalid(`create ${name}: missing required option: "type"`);
  throw new SampanError('unimplemented', `create ${name}: volumes that mount a device are not supported`, {
    hint: 'Use a bind mount of a directory on which the device is mounted.',
  });
}
