import { DockerfileError } from './errors.ts';

const MAX_PORT = 65_535;

/** "80", "53/udp", "8000-8002/tcp", and with an address before a colon as `-p` has it: "port/protocol" each. Fails with DockerfileError. */
export function exposedPorts(word: string): string[] {
  const own = word.slice(word.lastIndexOf(':') + 1);
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/([a-z]+))?$/i.exec(own);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  const protocol = match?.[3]?.toLowerCase() ?? 'tcp';
  if (match === null || first < 1 || last < first || last > MAX_PORT) {
    throw new DockerfileError(`invalid containerPort: ${word}`);
  }
  if (!['tcp', 'udp', 'sctp'].includes(protocol)) {
    throw new DockerfileError(`invalid port: ${JSON.stringify(word)}: invalid proto: ${protocol}`);
  }
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${protocol}`);
}
