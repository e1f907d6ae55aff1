/** Bits of Go's os.FileMode, in which containers' files are described. They do not fit into JavaScript's 32-bit operators. */
const DIRECTORY = 2 ** 31;
const LINK = 2 ** 27;
const DEVICE = 2 ** 26;
const IRREGULAR = 2 ** 19;

const has = (mode: number, bit: number): boolean => Math.floor(mode / bit) % 2 === 1;

export const isDirectory = (mode: number): boolean => has(mode, DIRECTORY);
export const isLink = (mode: number): boolean => has(mode, LINK);

/** Why nothing can be copied to a file of this mode; undefined where it can. */
export function obstacle(mode: number): string | undefined {
  if (has(mode, DEVICE)) return 'got a device';
  return has(mode, IRREGULAR) ? 'got an irregular file' : undefined;
}
