/** Re-spaces JSON without parsing it into values: numbers too large for JavaScript, key order and escapes stay as they came. */
const tokens = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/gs;

/** Like Go's json.Indent. Throws if the text is not JSON. */
export function indentJson(text: string, indent = '    '): string {
  JSON.parse(text);
  let depth = 0;
  let previous = '';
  let result = '';
  const newLine = (): string => `\n${indent.repeat(depth)}`;
  for (const [token] of text.matchAll(tokens)) {
    const opened = previous === '{' || previous === '[';
    if (token === '}' || token === ']') {
      depth--;
      result += opened ? token : newLine() + token;
    } else if (token === ',') result += token;
    else if (token === ':') result += ': ';
    else {
      result += opened || previous === ',' ? newLine() + token : token;
      if (token === '{' || token === '[') depth++;
    }
    previous = token;
  }
  return result;
}

/** Like Go's json.Compact. */
export function compactJson(text: string): string {
  JSON.parse(text);
  return [...text.matchAll(tokens)].map(([token]) => token).join('');
}
