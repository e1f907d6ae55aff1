import { invalid } from '../../base/errors.ts';
import type { HostConfig } from '../../wire/container-config.ts';

/** "80", "80-90", with an optional "/tcp"; undefined for anything else. The range is inclusive. */
export function parsePortRange(text: string): { readonly first: number; readonly last: number } | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = match[2] === undefined ? first : Number(match[2]);
  return first > 65535 || last > 65535 || last < first ? undefined : { first, last };
}

/** Fails with `invalid-argument` "invalid port specification". */
export function checkPortBindings(bindings: HostConfig['PortBindings']): void {
  for (const [spec, hosts] of Object.entries(bindings ?? {})) {
    const [port = '', protocol = 'tcp'] = spec.split('/');
    const wellFormed = parsePortRange(port) !== undefined && ['tcp', 'udp', 'sctp'].includes(protocol);
    if (!wellFormed) throw invalid(`invalid port specification: "${port}"`);
    for (const { HostPort } of hosts ?? []) {
      if (HostPort !== '' && parsePortRange(HostPort) === undefined) {
        throw invalid(`invalid port specification: "${HostPort}"`);
      }
    }
  }
}
