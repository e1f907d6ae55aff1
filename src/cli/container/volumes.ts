import { resolve } from 'node:path';

export interface ParsedVolumes {
  /** `source:target[:options]`, sources that are paths made absolute. */
  readonly binds: string[] | null;
  /** Targets of anonymous volumes, as keys. */
  readonly anonymous: Record<string, Record<string, never>>;
}

/** Reads every `--volume`. Throws an Error in Docker's words. */
export function parseVolumes(specs: readonly string[]): ParsedVolumes {
  const binds: string[] = [];
  const anonymous: Record<string, Record<string, never>> = {};
  for (const spec of new Set(specs)) {
    const source = sourceOf(spec);
    if (source === '') anonymous[spec] = {};
    else binds.push(/^[./~]/.test(source) ? withAbsoluteSource(spec) : spec);
  }
  return { binds: binds.length === 0 ? null : binds, anonymous };
}

/** What is mounted; empty for an anonymous volume. */
function sourceOf(spec: string): string {
  if (spec === '') throw new Error('invalid empty volume spec');
  if (spec.length <= 2) return '';
  const sections = splitSections(spec);
  const wrong = (what: string): Error => new Error(`invalid spec: ${spec}: ${what}`);
  for (const [index, section] of sections.entries()) {
    if (section === '') throw wrong('empty section between colons');
    if (index === 2 && sections.length > 3) throw wrong('too many colons');
  }
  return sections.length === 1 ? '' : (sections[0] ?? '');
}

/** At its colons, but for the one after a single letter: that is a Windows drive. */
function splitSections(spec: string): string[] {
  const sections: string[] = [];
  let section = '';
  for (const character of spec) {
    if (character === ':' && !/^\p{L}$/u.test(section)) {
      sections.push(section);
      section = '';
    } else section += character;
  }
  return [...sections, section];
}

function withAbsoluteSource(spec: string): string {
  const colon = spec.indexOf(':');
  const source = spec.slice(0, colon);
  return source.startsWith('.') ? resolve(source) + spec.slice(colon) : spec;
}
