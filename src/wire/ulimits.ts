import { invalid } from '../base/errors.ts';
import type { Ulimit } from './container-config.ts';

/** Those of setrlimit(2), without "RLIMIT_" and in lower case. */
const names = new Set([
  'core',
  'cpu',
  'data',
  'fsize',
  'locks',
  'memlock',
  'msgqueue',
  'nice',
  'nofile',
  'nproc',
  'rss',
  'rtprio',
  'rttime',
  'sigpending',
  'stack',
]);

/** "nofile=1024:2048", or one number for both limits. Fails with `invalid-argument`, as `checkUlimit` does. */
export function parseUlimit(text: string): Ulimit {
  const equals = text.indexOf('=');
  if (equals < 0) throw invalid(`invalid ulimit argument: ${text}`);
  const [Name, limits] = [text.slice(0, equals), text.slice(equals + 1)];
  checkName(Name);
  const [soft = '', hard = soft, ...more] = limits.split(':');
  if (more.length > 0) {
    throw invalid(`too many limit value arguments - ${limits}, can only have up to two, \`soft[:hard]\``);
  }
  const limit = { Name, Soft: parseLimit(soft), Hard: parseLimit(hard) };
  checkUlimit(limit);
  return limit;
}

/** Fails with `invalid-argument` for a limit that does not exist, or whose soft value is above the hard one. */
export function checkUlimit({ Name, Soft, Hard }: Ulimit): void {
  checkName(Name.toLowerCase());
  if (Hard !== -1 && (Soft === -1 || Soft > Hard)) {
    const given = Soft === -1 ? `soft: -1 (unlimited), hard: ${Hard}` : `${Soft} > ${Hard}`;
    throw invalid(`ulimit soft limit must be less than or equal to hard limit: ${given}`);
  }
}

function checkName(name: string): void {
  if (!names.has(name)) throw invalid(`invalid ulimit type: ${name}`);
}

function parseLimit(text: string): number {
  if (/^[+-]?\d+$/.test(text)) return Number(text);
  throw invalid(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
}
