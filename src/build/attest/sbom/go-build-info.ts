import { type FoundPackage, foundPackage } from './found-package.ts';

/** What Go's linker writes before its note. */
const MAGIC = Buffer.from('\xff Go buildinf:', 'latin1');
/** Of the note itself, whose strings follow it. */
const HEADER = 32;
const INLINE_STRINGS = 2;
const SENTINEL = 16;
/** Bytes of a note with all its strings; large programs have some 100 kB. */
const MAX_NOTE = 1 << 20;
const MAX_MODULES = 20_000;
/** Of the version's text: what only looks like a note may say that it is as long as all the rest. */
const MAX_VERSION = 512;

/**
 * Looks for the note in a program's bytes as they pass (Go 1.18 and newer; src/debug/buildinfo in Go's repository). What only looks like
 * one is passed over.
 */
export class GoBuildInfo {
  #modules: readonly FoundPackage[] | undefined;
  /** Bytes that a note may begin in. */
  #kept = Buffer.alloc(0);
  #isProgram: boolean | undefined;

  add(chunk: Uint8Array): void {
    if (this.isDone) return;
    this.#kept = Buffer.concat([this.#kept, chunk]);
    if (this.#isProgram === undefined && this.#kept.length >= 4) {
      this.#isProgram = this.#kept.subarray(0, 4).equals(ELF);
    }
    this.#search(false);
  }

  /** Whether nothing more of the file matters. */
  get isDone(): boolean {
    return this.#isProgram === false || this.#modules !== undefined;
  }

  /** What the program was built of; nothing for one that is not Go's. */
  finish(): readonly FoundPackage[] {
    if (this.#isProgram === true) this.#search(true);
    return this.#modules ?? [];
  }

  #search(isEnd: boolean): void {
    while (this.#modules === undefined) {
      const at = this.#kept.indexOf(MAGIC);
      if (at < 0) {
        this.#kept = this.#kept.subarray(Math.max(0, this.#kept.length - MAGIC.length));
        return;
      }
      if (!isEnd && this.#kept.length - at < MAX_NOTE) {
        this.#kept = this.#kept.subarray(at);
        return;
      }
      this.#modules = modulesOf(this.#kept.subarray(at, at + MAX_NOTE));
      this.#kept = this.#kept.subarray(at + MAGIC.length);
    }
  }
}

const ELF = Buffer.from('\x7fELF', 'latin1');

function modulesOf(note: Buffer): readonly FoundPackage[] | undefined {
  const flags = note[MAGIC.length + 1] ?? 0;
  if (note.length < HEADER || (flags & INLINE_STRINGS) === 0) return undefined;
  const version = stringAt(note, HEADER, MAX_VERSION);
  if (version === undefined || !/^(?:go|devel )/.test(version.text)) return undefined;
  const list = stringAt(note, version.end, note.length);
  const text = list?.text.at(-SENTINEL - 1) === '\n' ? list.text.slice(SENTINEL, -SENTINEL) : '';
  return [
    ...present({ name: 'stdlib', version: version.text.replace(/^go/, '').split(' ')[0] }),
    ...listed(text),
  ];
}

/** Lines "mod", "dep" and, for what took a dependency's place, "=>": path and version, tabs between. */
function listed(text: string): FoundPackage[] {
  const modules: FoundPackage[][] = [];
  for (const line of text.split('\n', MAX_MODULES)) {
    const [kind, name, version] = line.split('\t');
    if (kind === '=>') modules.pop();
    if (kind === 'mod' || kind === 'dep' || kind === '=>') modules.push(present({ name, version }));
  }
  return modules.flat();
}

function present(given: {
  readonly name: string | undefined;
  readonly version: string | undefined;
}): FoundPackage[] {
  const found = foundPackage('golang', given);
  return found === undefined ? [] : [found];
}

/** A string of at most `limit` bytes with its length before it, seven bits a byte, lowest first. */
function stringAt(
  note: Buffer,
  start: number,
  limit: number,
): { readonly text: string; readonly end: number } | undefined {
  let length = 0;
  let at = start;
  for (let shift = 0; shift < 28; shift += 7) {
    const byte = note[at++];
    if (byte === undefined) return undefined;
    length += (byte & 0x7f) * 2 ** shift;
    if (byte >= 0x80) continue;
    const end = at + length;
    return length > limit || end > note.length ? undefined : { text: note.toString('latin1', at, end), end };
  }
  return undefined;
}
