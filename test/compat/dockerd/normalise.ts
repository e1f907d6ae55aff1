import type { Answer, CommandOutcome, Outcome, Step } from './scenario.ts';

/** Takes out what differs from run to run and from machine to machine. */
export class Normaliser {
  readonly #known: ReadonlyMap<string, string>;

  /** `known` texts get names. */
  constructor(known: ReadonlyMap<string, string>) {
    this.#known = known;
  }

  outcome(outcome: Outcome, step: Step): Outcome {
    return 'stdout' in outcome ? this.#command(outcome, step) : this.#answer(outcome, step);
  }

  #command({ stdout, stderr, status }: CommandOutcome, step: Step): CommandOutcome {
    return { stdout: this.#lines(stdout, step), stderr: this.#lines(stderr, step), status };
  }

  #answer({ status, type, body }: Answer, step: Step): Answer {
    return { status, type, body: this.#json(body, '', step) };
  }

  #lines(text: string, step: Step): string {
    const lines = this.text(text, step)
      .split('\n')
      .map((line) => line.trimEnd().replace(/ {2,}/g, '  '));
    return (step.sorted ? lines.sort() : lines).join('\n');
  }

  text(text: string, { mask }: Partial<Step> = {}): string {
    let clean = mask === undefined ? text : text.replaceAll(mask, '<…>');
    for (const [known, name] of this.#known) clean = clean.replaceAll(known, name);
    return clean
      .replace(/\b[0-9a-f]{64}\b/g, '<id>')
      .replace(/\b(?!\d{12}\b)[0-9a-f]{12}\b/g, '<short id>')
      .replace(/\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b/g, '<mac>')
      .replace(/(?!0001)\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, '<time>')
      .replace(/(?!0001)\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [+-]\d{4} \w+/g, '<time>')
      .replace(/\b\d+\.\d+[kMG]B\b/g, '<size>')
      .replace(
        /\b(Less than a second|About a minute|About an hour|\d+ (second|minute|hour|month|year)s?)\b/g,
        '<duration>',
      )
      .replace(/\/sys\/fs\/cgroup\/\w+\/\S+?\/(?=<id)/g, '<cgroup>/')
      .replace(/\b172\.(1[6-9]|2\d|3[01])\.\d+\.\d+/g, '<address>')
      .replace(/(?<=[:"])(3[2-9]|4\d|5\d|60)\d{3}(?=->|\/|"|$)/gm, '<port>');
  }

  #json(value: unknown, key: string, step: Step): unknown {
    if (typeof value === 'string') return this.#jsonText(value, key, step);
    if (typeof value === 'number') return volatileNumbers.has(key) && value > 0 ? '<number>' : value;
    if (Array.isArray(value)) return inOrder(value, key).map((item) => this.#json(item, key, step));
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).map(([name, item]) => [
      this.text(name),
      this.#json(item, name, step),
    ]);
    return Object.fromEntries(entries.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)));
  }

  #jsonText(value: string, key: string, step: Step): string {
    if (volatileTexts.has(key)) return value === '' ? '' : '<text>';
    if (key === 'Source')
      return value
        .replace(/.*(?=\/volumes\/)/, '')
        .replace(/[0-9a-f]{64}/, '<id>')
        .replace(/.*\/compat-\w+/, '<dir>');
    if (key === 'Name' && /^[0-9a-f]{64}$/.test(value)) return '<id>';
    if (key === 'Id' && /^[0-9a-f]{64}$/.test(value)) return this.#known.get(value) ?? '<id>';
    return this.#lines(value, step);
  }
}

/** Lists that Docker makes from maps come in any order. */
function inOrder(list: readonly unknown[], key: string): readonly unknown[] {
  const rank = (item: unknown): string => {
    const { Destination, PrivatePort, IP, Driver, RepoTags } = Object(item);
    if (RepoTags !== undefined) return String(RepoTags);
    return String(Destination ?? (PrivatePort === undefined ? Driver : `${PrivatePort} ${IP}`));
  };
  const isListing = key === '' && list.every((item) => 'IPAM' in Object(item) || 'RepoTags' in Object(item));
  if (key !== 'Mounts' && key !== 'Ports' && !isListing) return list;
  return list.toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1));
}

const volatileNumbers = new Set([
  ...['Pid', 'Created', 'Size', 'SizeRw', 'SizeRootFs', 'VirtualSize', 'SharedSize', 'time', 'timeNano'],
  ...['PublicPort', 'SpaceReclaimed'],
]);

const volatileTexts = new Set([
  ...['KernelVersion', 'GoVersion', 'GitCommit', 'BuildTime', 'Mountpoint', 'SandboxKey', 'SandboxID'],
  ...['ResolvConfPath', 'HostnamePath', 'HostsPath', 'LogPath', 'Data', 'EndpointID', 'NetworkID'],
]);
