import { invalid, SampanError } from '../../base/errors.ts';
import { type Compression, decompress, detectCompression, peek } from '../../oci/compression.ts';

/** Bytes that tell every compression. */
const HEAD = 6;
/** What a decompressor may take of memory: that of the strongest presets is below. */
const MEMORY = '256MiB';

/** Where the host's programs are. */
const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

const programs: Partial<Record<Compression, readonly string[]>> = {
  xz: ['xz', '--decompress', '--stdout', '--quiet', '--no-sparse', `--memlimit-decompress=${MEMORY}`],
  bzip2: ['bzip2', '--decompress', '--stdout', '--quiet'],
};

/**
 * The plain bytes of a stream in whatever compression its first bytes tell; xz and bzip2 are the host's programs' work. Fails with
 * `invalid-argument` on bytes that do not decompress, and with `unavailable` where the program is missing.
 */
export async function* decompressAny(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  const { head, rest } = await peek(source, HEAD);
  const compression = detectCompression(head);
  const command = programs[compression];
  if (command === undefined) yield* decompress(rest);
  else yield* filter(rest, command, compression);
}

/** What is unpacked is hostile: whoever does it is nobody, where the host has the means. */
function unprivileged(): string[] {
  const setpriv = Bun.which('setpriv', { PATH });
  const nobody = [
    '--reuid=65534',
    '--regid=65534',
    '--clear-groups',
    '--no-new-privs',
    '--bounding-set=-all',
  ];
  return setpriv === null || process.getuid?.() !== 0 ? [] : [setpriv, ...nobody, '--'];
}

async function* filter(
  source: AsyncIterable<Uint8Array>,
  command: readonly string[],
  compression: Compression,
): AsyncGenerator<Uint8Array, void, void> {
  const program = Bun.which(command[0] ?? '', { PATH });
  if (program === null) {
    throw new SampanError(
      'unavailable',
      `${compression} archives need the program ${command[0]}, which is not installed`,
    );
  }
  const child = Bun.spawn([...unprivileged(), program, ...command.slice(1)], {
    ...{ stdin: 'pipe', stdout: 'pipe', stderr: 'pipe', cwd: '/' },
    env: { PATH, LC_ALL: 'C' },
  });
  const complaints = new Response(child.stderr).text();
  const fed = feed(source, child.stdin);
  fed.catch(() => {});
  try {
    for await (const chunk of child.stdout) yield chunk;
    await fed;
    if ((await child.exited) !== 0)
      throw invalid(`invalid ${compression} data: ${(await complaints).trim()}`);
  } finally {
    child.kill('SIGKILL');
    await child.exited;
  }
}

/** A program that has gone says itself why. */
async function feed(source: AsyncIterable<Uint8Array>, sink: Bun.FileSink): Promise<void> {
  try {
    for await (const chunk of source) {
      sink.write(chunk);
      try {
        await sink.flush();
      } catch {
        return;
      }
    }
  } finally {
    await Promise.resolve(sink.end()).catch(() => {});
  }
}
