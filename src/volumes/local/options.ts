import { invalid } from '../../base/errors.ts';

/** Options of the local driver: what it mounts, and how large a volume may get. */
export interface LocalOptions {
  /** Undefined for a plain directory. */
  readonly mount: LocalMount | undefined;
  /** Bytes; 0 for no limit. */
  readonly size: number;
}

/** As mount(8) takes them. */
export interface LocalMount {
  readonly type: string;
  readonly device: string;
  readonly options: string;
}

const known = new Set(['type', 'device', 'o', 'size']);

const needed: readonly (readonly [key: string, needs: string])[] = [
  ['device', 'type'],
  ['type', 'device'],
  ['o', 'device'],
  ['o', 'type'],
];

/** Fails with `invalid-argument` in Docker's words. */
export function parseLocalOptions(name: string, options: Readonly<Record<string, string>>): LocalOptions {
  const refuse = (reason: string): Error => invalid(`create ${name}: ${reason}`);
  const unknown = Object.keys(options).find((key) => !known.has(key));
  if (unknown !== undefined) throw refuse(`invalid option: ${JSON.stringify(unknown)}`);
  const missing = needed.find(([key, needs]) => key in options && !(needs in options));
  if (missing !== undefined) throw refuse(`missing required option: ${JSON.stringify(missing[1])}`);
  const { type = '', device = '', o = '', size } = options;
  const bytes = size === undefined ? 0 : parseSize(size);
  if (bytes === undefined) throw refuse(`invalid size: '${size}'`);
  if (!needsMount(options)) return { mount: undefined, size: bytes };
  if (bytes > 0)
    throw refuse('a size limit needs a volume without a device; use the options of its filesystem');
  return { mount: { type, device, options: o }, size: 0 };
}

/** Whether something is to be mounted: empty options ask for nothing. */
export function needsMount({ type = '', device = '' }: Readonly<Record<string, string>>): boolean {
  return type !== '' || device !== '';
}

/** "10M", "1.5 GiB": in powers of 1024 whatever the suffix. */
function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)(?:i?b)?$/i.exec(text);
  if (match === null) return undefined;
  const power = ' kmgtp'.indexOf((match[2] ?? '').toLowerCase() || ' ');
  const bytes = Math.floor(Number(match[1]) * 1024 ** power);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
