/** One step of a pattern: any run of characters, or a single one. */
type Step = '*' | ((character: string) => boolean);

const LONGEST_PATTERN = 1024;

/**
 * Go's path.Match: "*" and "?" stop at slashes, "[a-z]" and "[^a-z]" are sets, "\" takes a character as it is. Takes time in proportion
 * to both lengths only, whatever the pattern.
 */
export function pathPattern(pattern: string): (text: string) => boolean {
  if (pattern.length > LONGEST_PATTERN) return () => false;
  const tokens = pattern.match(/\\.|\*+|\[\^?(?:\\.|[^\]\\])+\]|./gs) ?? [];
  const steps = tokens.map(stepOf);
  return (text) => matches(steps, text);
}

function stepOf(token: string): Step {
  if (token.startsWith('*')) return '*';
  if (token === '?') return (character) => character !== '/';
  if (token.length > 1 && token.startsWith('[')) return setOf(token);
  const wanted = token.length > 1 ? token.slice(1) : token;
  return (character) => character === wanted;
}

function setOf(token: string): Step {
  const negated = token.startsWith('[^');
  const body = token.slice(negated ? 2 : 1, -1);
  const ranges = [...body.matchAll(/(\\?.)(?:-(\\?.))?/gs)].map(([, low = '', high = low]) => ({
    low: low.slice(-1),
    high: high.slice(-1),
  }));
  return (character) => ranges.some(({ low, high }) => low <= character && character <= high) !== negated;
}

/** Where a step does not fit, the last "*" takes one character more: an earlier one could not help. */
function matches(steps: readonly Step[], text: string): boolean {
  let at = 0;
  let step = 0;
  let star: { step: number; at: number } | undefined;
  while (at < text.length || step < steps.length) {
    const current = steps[step];
    if (current === '*') {
      star = { step: ++step, at };
    } else if (current !== undefined && at < text.length && current(text.charAt(at))) {
      step++;
      at++;
    } else if (star !== undefined && star.at < text.length && text.charAt(star.at) !== '/') {
      at = ++star.at;
      step = star.step;
    } else return false;
  }
  return true;
}
