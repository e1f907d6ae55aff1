import { invalid } from '../base/errors.ts';

/** ctrl-p, ctrl-q. */
const defaultDetachKeys: Uint8Array = Uint8Array.of(16, 17);

const controlKey = /^ctrl-([a-z@[\\\]^_])$/;

/** "ctrl-p,ctrl-q" or "a,b" as the bytes that a terminal sends for them; the default for an empty text. Fails with `invalid-argument`. */
export function parseDetachKeys(text: string): Uint8Array {
  if (text === '') return defaultDetachKeys;
  return Uint8Array.from(text.split(','), (key) => {
    const byte = keyByte(key);
    if (byte === undefined) throw invalid(`Invalid detach keys (${text}) provided`);
    return byte;
  });
}

/** The byte of one key, `a` or `ctrl-a`; undefined for what is none. */
export function keyByte(key: string): number | undefined {
  if (/^[\x00-\x7f]$/.test(key)) return key.charCodeAt(0);
  const letter = controlKey.exec(key)?.[1];
  // Control keys are the letters' codes without the upper bits: "@" is 0, "a" is 1.
  return letter === undefined ? undefined : letter.toUpperCase().charCodeAt(0) & 0x1f;
}
