import { invalid } from '../base/errors.ts';

const trueWords = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const falseWords = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False']);

/** What Go's strconv.ParseBool takes. Fails with `invalid-argument` in its words. */
export function parseBoolean(text: string): boolean {
  if (trueWords.has(text)) return true;
  if (falseWords.has(text)) return false;
  throw invalid(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
}
