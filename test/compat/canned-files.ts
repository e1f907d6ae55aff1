import { formatTarHeader, type TarHeader, tarEnd, tarPadding } from '../../src/oci/tar/writer.ts';
import type { Answer, RecordedRequest } from './fake-daemon.ts';

/** What dockerd 28 answers about files of containers, archives of images, and what is on disk. */

const webId = '5f'.repeat(32);
const idleId = 'a0'.repeat(32);
const imageId = `sha256:${'b1'.repeat(32)}`;
const ago = (seconds: number): number => Math.floor(Date.now() / 1000) - seconds;
const failure = (status: number, message: string): Answer => ({ status, body: { message } });

/** Bits of Go's os.FileMode. */
const goDirectory = 2 ** 31;
const goLink = 2 ** 27;
const goDevice = 2 ** 26 + 2 ** 21;

interface CannedFile {
  readonly mode: number;
  readonly link?: string;
  readonly members?: readonly (TarHeader & { readonly text?: string })[];
}

const seconds = 1_748_606_834;
const directory = (name: string): TarHeader => ({ type: 'directory', name, mode: 0o755, seconds });
const file = (name: string, text: string): TarHeader & { text: string } => ({
  type: 'file',
  name,
  mode: 0o640,
  uid: 1000,
  gid: 1000,
  size: text.length,
  seconds,
  text,
});

/** A container's files by path. */
const files: Readonly<Record<string, CannedFile>> = {
  '/': { mode: goDirectory + 0o755, members: [directory('/'), directory('/srv/'), file('/srv/a', 'a')] },
  '/file': { mode: 0o640, members: [file('file', 'content')] },
  '/dir': {
    mode: goDirectory + 0o755,
    members: [
      directory('dir/'),
      file('dir/a', 'first'),
      directory('dir/sub/'),
      file('dir/sub/b', 'second'),
      { type: 'hardlink', name: 'dir/c', linkName: 'dir/a', mode: 0o640, seconds },
      { type: 'symlink', name: 'dir/link', linkName: '../elsewhere', mode: 0o777, seconds },
    ],
  },
  '/dir/.': { mode: goDirectory + 0o755, members: [directory('./'), file('./a', 'first')] },
  '/dir/': { mode: goDirectory + 0o755, members: [directory('dir/'), file('dir/a', 'first')] },
  '/link': {
    mode: goLink + 0o777,
    link: 'file',
    members: [{ type: 'symlink', name: 'link', linkName: 'file', mode: 0o777, seconds }],
  },
  '/dirlink': {
    mode: goLink + 0o777,
    link: '/dir',
    members: [{ type: 'symlink', name: 'dirlink', linkName: '/dir', mode: 0o777, seconds }],
  },
  '/brokenlink': { mode: goLink + 0o777, link: '/nothing' },
  '/null': { mode: goDevice + 0o666 },
  '/etc': { mode: goDirectory + 0o755 },
  '/etc/': { mode: goDirectory + 0o755 },
  '/readonly': { mode: goDirectory + 0o555 },
};

function archiveAnswer(request: RecordedRequest, query: URLSearchParams): Answer {
  if (request.method === 'PUT') return query.get('path') === '/readonly' ? readOnly : { status: 200 };
  const path = query.get('path') ?? '';
  const found = files[path];
  if (found === undefined)
    return failure(404, `Could not find the file ${path} in container ${webId.slice(0, 12)}`);
  const name = path.split('/').filter(Boolean).at(-1) ?? '/';
  const stat = {
    name,
    size: 7,
    mode: found.mode,
    mtime: '2025-05-30T12:07:14Z',
    linkTarget: found.link ?? '',
  };
  return {
    stream: request.method === 'HEAD' ? Buffer.alloc(0) : tarOf(found.members ?? []),
    headers: {
      'Content-Type': 'application/x-tar',
      'X-Docker-Container-Path-Stat': Buffer.from(JSON.stringify(stat)).toString('base64'),
    },
  };
}

const readOnly = failure(403, 'container rootfs is marked read-only');

function tarOf(members: readonly (TarHeader & { readonly text?: string })[]): Uint8Array {
  const blocks = members.flatMap((member) => {
    const text = Buffer.from(member.text ?? '');
    return [formatTarHeader(member), text, tarPadding(text.length)];
  });
  return Buffer.concat([...blocks, tarEnd]);
}

const changes = [
  { Path: '/etc', Kind: 0 },
  { Path: '/etc/hosts', Kind: 1 },
  { Path: '/tmp/a "b"', Kind: 2 },
];

const HOUR = 3600;

/** Whole seconds, as times in the other tables are. */
const isoTime = (seconds: number): string => new Date(ago(seconds) * 1000).toISOString().replace('.000', '');

function usageAnswer() {
  const image = {
    Containers: 1,
    Created: ago(26 * HOUR),
    Id: imageId,
    Labels: null,
    ParentId: '',
    RepoDigests: [],
    RepoTags: ['registry.example:5000/team/web:1.2'],
    SharedSize: 1_000_000,
    Size: 187_654_321,
  };
  const container = {
    Id: webId,
    Names: ['/web'],
    Image: 'web:1.2',
    ImageID: imageId,
    Command: 'nginx',
    Created: ago(3 * HOUR),
    Ports: [],
    SizeRw: 12345,
    SizeRootFs: 187_666_666,
    Labels: {},
    State: 'running',
    Status: 'Up 3 hours',
    HostConfig: { NetworkMode: 'bridge' },
    NetworkSettings: { Networks: {} },
    Mounts: [
      { Type: 'volume', Name: 'data', Source: '', Destination: '/v', Driver: 'local', Mode: 'z', RW: true },
    ],
  };
  const volume = {
    CreatedAt: '2025-05-30T12:07:14Z',
    Driver: 'local',
    Labels: null,
    Mountpoint: '/var/data/_data',
    Name: 'data',
    Options: null,
    Scope: 'local',
    UsageData: { RefCount: 1, Size: 5_000_000 },
  };
  const cache = {
    ID: 'cachecachecachecachecache',
    Type: 'regular',
    Description: 'mount / from exec /bin/sh -c true',
    InUse: false,
    Shared: false,
    Size: 4_000_000,
    CreatedAt: isoTime(2 * HOUR),
    LastUsedAt: isoTime(HOUR),
    UsageCount: 3,
  };
  return {
    LayersSize: 250_000_000,
    Images: [
      image,
      {
        ...image,
        Id: `sha256:${'d3'.repeat(32)}`,
        RepoTags: [],
        Containers: 0,
        SharedSize: 0,
        Size: 62_345_679,
      },
    ],
    Containers: [
      container,
      {
        ...container,
        Id: idleId,
        Names: ['/idle'],
        State: 'exited',
        Status: 'Exited (0) 2 hours ago',
        SizeRw: 99,
      },
    ],
    Volumes: [volume, { ...volume, Name: 'unused', UsageData: { RefCount: 0, Size: 700 } }],
    BuildCache: [cache, { ...cache, ID: 'sharedsharedsharedshared', Shared: true, InUse: true, Size: 11 }],
    BuilderSize: 0,
  };
}

function pruneAnswer(kind: string, filters: string): Answer | undefined {
  const none = filters.includes('nothing');
  switch (kind) {
    case 'images':
      return {
        body: {
          ImagesDeleted: none ? null : [{ Untagged: 'web:1.2' }, { Deleted: imageId }],
          SpaceReclaimed: none ? 0 : 187_654_321,
        },
      };
    case 'volumes':
      return {
        body: { VolumesDeleted: none ? [] : ['unused', 'f'.repeat(64)], SpaceReclaimed: none ? 0 : 700 },
      };
    case 'networks':
      return { body: { NetworksDeleted: none ? null : ['net1', 'net2'] } };
    case 'build':
      return { body: { CachesDeleted: none ? null : ['cache1'], SpaceReclaimed: none ? 0 : 4_000_000 } };
    default:
      return undefined;
  }
}

/** The answer to requests of those commands; undefined for others. */
export function fileAnswer(request: RecordedRequest): Answer | undefined {
  const url = new URL(request.target, 'http://daemon');
  const [kind = '', name = '', action = ''] = url.pathname.split('/').slice(1);
  if (request.method === 'POST' && name === 'prune') return pruneAnswer(kind, url.search);
  if (url.pathname === '/system/df') return { body: usageAnswer() };
  if (url.pathname === '/commit') {
    const container = url.searchParams.get('container') ?? '';
    if (container.startsWith('nosuch')) return failure(404, `No such container: ${container}`);
    return { status: 201, body: { Id: imageId } };
  }
  if (url.pathname === '/images/get') {
    const missing = url.searchParams.getAll('names').find((one) => one.startsWith('nosuch'));
    return missing === undefined
      ? { stream: Buffer.from('an archive of images'), headers: { 'Content-Type': 'application/x-tar' } }
      : failure(404, `No such image: ${missing}`);
  }
  if (kind !== 'containers' || name.startsWith('nosuch')) return undefined;
  if (action === 'changes') return { body: name === 'unchanged' ? null : changes };
  if (action === 'export')
    return {
      stream: Buffer.from('files of a container'),
      headers: { 'Content-Type': 'application/octet-stream' },
    };
  return action === 'archive' ? archiveAnswer(request, url.searchParams) : undefined;
}
