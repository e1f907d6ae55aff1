const MAX_HEADER_LENGTH = 16 << 10;
const MAX_TEXT_LENGTH = 1_000;

const warning = /(?:^|,)[ \t]*299[ \t]+\S+[ \t]+"((?:[^"\\]|\\.)*)"/g;

/** What a registry wants its users to read: the texts of `Warning: 299 - "…"` headers (distribution specification, "Warnings"). */
export function parseWarnings(header: string | null): string[] {
  const found = (header ?? '').slice(0, MAX_HEADER_LENGTH).matchAll(warning);
  return Array.from(found, ([, text = '']) =>
    // Control characters could make a terminal or a log say something else.
    text
      .replace(/\\(.)/g, '$1')
      .replace(/\p{Cc}/gu, ' ')
      .slice(0, MAX_TEXT_LENGTH),
  );
}
