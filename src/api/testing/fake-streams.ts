/** The name as bytes; one that is called "missing" fails at once, "broken" after the first bytes. */
export async function* parts(name: string, missing: Error): AsyncGenerator<Uint8Array> {
  if (name.includes('missing')) throw missing;
  yield Buffer.from(name);
  if (name.includes('broken')) throw new Error('the disk broke');
  yield Buffer.from('.');
}

/** Bytes until the reader gives up. */
export async function* endless(signal: AbortSignal, ended: () => void): AsyncGenerator<Uint8Array> {
  try {
    while (!signal.aborted) {
      yield Buffer.alloc(64 * 1024);
      await Bun.sleep(0);
    }
  } finally {
    ended();
  }
}
