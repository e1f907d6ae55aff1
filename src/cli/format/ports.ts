export interface ListedPort {
  readonly IP?: string;
  readonly PrivatePort: number;
  readonly PublicPort?: number;
  readonly Type: string;
}

/** `1.2.3.4:80` and `[::1]:80`. */
export function joinHostPort(host: string, port: string | number): string {
  return host.includes(':') || host.includes('%') ? `[${host}]:${port}` : `${host}:${port}`;
}

interface Group {
  first: number;
  last: number;
}

/** A container's ports in one line: neighbouring ones that are published unchanged as ranges, then those with another public port. */
export function displayPorts(ports: readonly ListedPort[]): string {
  const groups = new Map<string, Group>();
  const closed: string[] = [];
  const mapped: string[] = [];
  for (const port of [...ports].sort(comparePorts)) {
    const { IP = '', PrivatePort, PublicPort = 0, Type } = port;
    if (IP !== '' && PublicPort !== PrivatePort) {
      mapped.push(`${joinHostPort(IP, PublicPort)}->${PrivatePort}/${Type}`);
      continue;
    }
    const key = IP === '' ? Type : `${IP}/${Type}`;
    const group = groups.get(key);
    if (group !== undefined && PrivatePort === group.last + 1) {
      group.last = PrivatePort;
      continue;
    }
    if (group !== undefined) closed.push(displayGroup(key, group));
    groups.set(key, { first: PrivatePort, last: PrivatePort });
  }
  const open = [...groups].map(([key, group]) => displayGroup(key, group));
  return [...closed, ...open, ...mapped].join(', ');
}

function displayGroup(key: string, { first, last }: Group): string {
  const range = first === last ? String(first) : `${first}-${last}`;
  const slash = key.indexOf('/');
  if (slash < 0) return `${range}/${key}`;
  return `${joinHostPort(key.slice(0, slash), range)}->${range}/${key.slice(slash + 1)}`;
}

function comparePorts(left: ListedPort, right: ListedPort): number {
  if (left.PrivatePort !== right.PrivatePort) return left.PrivatePort - right.PrivatePort;
  const [a = '', b = ''] = [left.IP, right.IP];
  if (a !== b) return a < b ? -1 : 1;
  const difference = (left.PublicPort ?? 0) - (right.PublicPort ?? 0);
  if (difference !== 0) return difference;
  return left.Type < right.Type ? -1 : 1;
}
