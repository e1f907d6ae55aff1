import { messageOf } from '../base/errors.ts';

/** Why nobody could be asked, in the words of Go's programs, which scripts look for. */
export function dialWords({ hostname, port, protocol }: URL, cause: unknown): string {
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  switch (codeOf(cause)) {
    case 'ECONNREFUSED':
      return `dial tcp ${hostname}:${port || (protocol === 'https:' ? '443' : '80')}: connect: connection refused`;
    case 'ENOTFOUND':
      return `dial tcp: lookup ${host}: no such host`;
    case 'EAI_AGAIN':
      return `dial tcp: lookup ${host}: Temporary failure in name resolution`;
    default:
      return messageOf(cause);
  }
}

function codeOf(cause: unknown): unknown {
  return typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
}
