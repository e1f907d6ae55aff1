import { invalid } from '../../base/errors.ts';

/** Whether "80/tcp" is among the ports. */
export type PortSet = (port: string) => boolean;

/** "80", "80/udp" or "8000-8080/tcp". */
export function parsePorts(text: string, filter: string): PortSet {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(text);
  if (match === null) throw invalid(`invalid filter '${filter}=${text}'`);
  const first = Number(match[1]);
  const last = match[2] === undefined ? first : Number(match[2]);
  if (last < first || last > 65535) throw invalid(`invalid filter '${filter}=${text}'`);
  const protocol = match[3]?.toLowerCase() ?? 'tcp';
  return (port) => {
    const [number = '', own = 'tcp'] = port.split('/');
    return own === protocol && Number(number) >= first && Number(number) <= last;
  };
}
