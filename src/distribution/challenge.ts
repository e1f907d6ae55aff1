/** One challenge of a `WWW-Authenticate` header: scheme and parameter names in lower case. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const MAX_HEADER_LENGTH = 16 << 10;

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const parameter = new RegExp(`[ \\t,]*(${token})[ \\t]*=[ \\t]*(?:"((?:[^"\\\\]|\\\\.)*)"|(${token}))`, 'y');
const scheme = new RegExp(`[ \\t,]*(${token})(?=[ \\t,]|$)`, 'y');
const token68 = /[ \t]+[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y;

/**
 * The challenges of a header's value, several headers being joined by commas (RFC 9110, section 11.6.1). Reading ends at the first thing
 * that is no challenge; what came before it counts.
 */
export function parseChallenges(header: string): Challenge[] {
  const text = header.slice(0, MAX_HEADER_LENGTH);
  const challenges: Challenge[] = [];
  for (let position = 0; position < text.length; ) {
    const start = matchAt(scheme, text, position);
    if (start === undefined) break;
    position += start[0].length;
    const parameters = new Map<string, string>();
    let next = matchAt(parameter, text, position);
    if (next === undefined) position += matchAt(token68, text, position)?.[0].length ?? 0;
    for (; next !== undefined; next = matchAt(parameter, text, position)) {
      position += next[0].length;
      const [, name = '', quoted, plain = ''] = next;
      parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain);
    }
    challenges.push({ scheme: start[1]?.toLowerCase() ?? '', parameters });
  }
  return challenges;
}

function matchAt(pattern: RegExp, text: string, position: number): RegExpExecArray | undefined {
  pattern.lastIndex = position;
  return pattern.exec(text) ?? undefined;
}
