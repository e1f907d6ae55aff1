/** A file of stanzas may have so many: Debian has fewer packages than that. */
const MAX_STANZAS = 100_000;

/**
 * Stanzas of "Name: value" lines with blank lines between them, by field; lines that go on are left out. Of a field that comes twice the
 * first counts.
 */
export function* readStanzas(text: string): Generator<ReadonlyMap<string, string>, void, void> {
  let stanza = new Map<string, string>();
  let count = 0;
  for (const line of linesOf(text)) {
    if (line === '') {
      if (stanza.size > 0) yield stanza;
      if (stanza.size > 0 && ++count >= MAX_STANZAS) return;
      stanza = new Map();
      continue;
    }
    const colon = line.indexOf(':');
    if (colon < 1 || line.startsWith(' ') || line.startsWith('\t')) continue;
    const name = line.slice(0, colon);
    if (!stanza.has(name)) stanza.set(name, line.slice(colon + 1).trim());
  }
  if (stanza.size > 0) yield stanza;
}

/** One after the other: a file may have millions. */
function* linesOf(text: string): Generator<string, void, void> {
  for (let start = 0; start <= text.length; ) {
    const found = text.indexOf('\n', start);
    const end = found < 0 ? text.length : found;
    yield text.slice(start, end).replace(/\r$/, '');
    start = end + 1;
  }
}
