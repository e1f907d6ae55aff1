import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrno } from '../../base/errno.ts';
import type { Platform } from '../../oci/image.ts';

/** Where the kernel says what it runs programs of other formats with (admin-guide/binfmt-misc). */
const BINFMT_MISC = '/proc/sys/fs/binfmt_misc';

/** A program that the kernel hands programs of one format to. */
export interface Emulator {
  readonly interpreter: string;
  readonly enabled: boolean;
  /** It is held open (flag F): no filesystem of a container need have it. */
  readonly isFixed: boolean;
}

/** ELF's numbers: of the machine, bits of a word, and whether the lowest byte comes first. */
const machines: Readonly<Record<string, readonly [machine: number, bits: 32 | 64, isLittle: boolean]>> = {
  '386': [3, 32, true],
  amd64: [62, 64, true],
  arm: [40, 32, true],
  arm64: [183, 64, true],
  loong64: [258, 64, true],
  mips: [8, 32, false],
  mips64: [8, 64, false],
  mips64le: [8, 64, true],
  mipsle: [8, 32, true],
  ppc64: [21, 64, false],
  ppc64le: [21, 64, true],
  riscv64: [243, 64, true],
  s390x: [22, 64, false],
};

/** What programs of a platform are run with here; undefined where nothing is registered for them. */
export async function emulatorFor(
  { architecture }: Pick<Platform, 'architecture'>,
  directory = BINFMT_MISC,
): Promise<Emulator | undefined> {
  const program = programHeader(architecture);
  if (program === undefined) return undefined;
  const names = await orNothing(readdir(directory), []);
  const isOn = (await orNothing(readFile(join(directory, 'status'), 'latin1'), 'enabled')).startsWith(
    'enabled',
  );
  for (const name of names) {
    if (name === 'register' || name === 'status') continue;
    const entry = parseEntry(await orNothing(readFile(join(directory, name), 'latin1'), ''));
    if (entry !== undefined && matches(entry, program)) {
      return { ...entry.emulator, enabled: isOn && entry.emulator.enabled };
    }
  }
  return undefined;
}

interface Entry {
  readonly emulator: Emulator;
  readonly offset: number;
  readonly magic: Buffer;
  /** As long as the magic. */
  readonly mask: Buffer;
}

/** Undefined for one that goes by a file's extension. */
function parseEntry(text: string): Entry | undefined {
  const fields = new Map(
    text.split('\n').map((line): [string, string] => {
      const space = line.indexOf(' ');
      return space < 0 ? [line, ''] : [line.slice(0, space), line.slice(space + 1)];
    }),
  );
  const [interpreter, magic] = [fields.get('interpreter'), Buffer.from(fields.get('magic') ?? '', 'hex')];
  if (interpreter === undefined || magic.length === 0) return undefined;
  const mask = fields.get('mask');
  return {
    emulator: {
      interpreter,
      enabled: fields.has('enabled'),
      isFixed: (fields.get('flags:') ?? '').includes('F'),
    },
    offset: Number(fields.get('offset') ?? 0),
    magic,
    mask: mask === undefined ? Buffer.alloc(magic.length, 0xff) : Buffer.from(mask, 'hex'),
  };
}

function matches({ offset, magic, mask }: Entry, program: Buffer): boolean {
  const start = program.subarray(offset, offset + magic.length);
  if (start.length < magic.length) return false;
  return magic.every((byte, index) => ((byte ^ (start[index] ?? 0)) & (mask[index] ?? 0)) === 0);
}

/** How an executable begins. */
function programHeader(architecture: string): Buffer | undefined {
  const [machine, bits, isLittle] = machines[architecture] ?? [];
  if (machine === undefined) return undefined;
  const header = Buffer.alloc(64);
  header.write('\x7fELF', 'latin1');
  header.set([bits === 64 ? 2 : 1, isLittle ? 1 : 2, 1], 4);
  const [type, version] = [2, 1];
  if (isLittle) {
    header.writeUInt16LE(type, 16);
    header.writeUInt16LE(machine, 18);
    header.writeUInt32LE(version, 20);
  } else {
    header.writeUInt16BE(type, 16);
    header.writeUInt16BE(machine, 18);
    header.writeUInt32BE(version, 20);
  }
  return header;
}

/** What is not mounted has nothing registered. */
async function orNothing<T>(reading: Promise<T>, nothing: T): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'EACCES', 'EPERM', 'ENOTDIR')) return nothing;
    throw error;
  }
}
