import { constants } from 'node:os';
import { invalid } from '../base/errors.ts';

/** glibc keeps the first two real-time signals to itself; Docker counts RTMIN from 34 as well. */
const RTMIN = 34;
const RTMAX = 64;
const LAST = 64;

const numbers = buildNumbers();

/** A signal by number, or by name in any case with or without "SIG". Fails with `invalid-argument` "invalid signal: X". */
export function parseSignal(text: string): number {
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    if (number === 0) throw invalid(`invalid signal: ${text}`);
    if (number > LAST) throw invalid(`the linux daemon does not support signal ${number}`);
    return number;
  }
  const number = numbers.get(text.toUpperCase().replace(/^SIG/, ''));
  if (number === undefined) throw invalid(`invalid signal: ${text}`);
  return number;
}

export const SIGKILL = constants.signals.SIGKILL;
export const SIGTERM = constants.signals.SIGTERM;

function buildNumbers(): ReadonlyMap<string, number> {
  const known = new Map<string, number>();
  for (const [name, number] of Object.entries(constants.signals)) known.set(name.slice(3), number);
  known.set('CLD', constants.signals.SIGCHLD);
  for (let offset = 0; RTMIN + offset <= RTMAX; offset++) {
    if (offset <= 15) known.set(offset === 0 ? 'RTMIN' : `RTMIN+${offset}`, RTMIN + offset);
    if (offset <= 14) known.set(offset === 0 ? 'RTMAX' : `RTMAX-${offset}`, RTMAX - offset);
  }
  return known;
}
