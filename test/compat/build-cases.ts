import type { CliCase } from './cli-cases.ts';

/** Command lines that build images, as the classic builder's client has them. */

const contexts = `
  build <dir>/ctx/plain
  build ctx/plain
  build <dir>/ctx/plain/
  build <dir>/ctx/plainlink
  build <dir>/ctx/lower
  build <dir>/ctx/none
  build <dir>/ctx/ignoring
  build <dir>/ctx/ignoring-all
  build <dir>/ctx/per-file
  build <dir>/ctx/badly-ignoring
  build <dir>/ctx/nowhere
  build <dir>/ctx/plain/a
  build <dir>/ctx/pipes
  build -f <dir>/ctx/plain/Dockerfile <dir>/ctx/plain
  build -f <dir>/ctx/plain/sub/Other <dir>/ctx/plain
  build -f ctx/plain/sub/Other <dir>/ctx/plain
  build -f sub/Other <dir>/ctx/plain
  build -f <dir>/ctx/nowhere <dir>/ctx/plain
  build -f <dir>/ctx/lower/dockerfile <dir>/ctx/plain
  build -f <dir>/ctx/lower/dockerfile <dir>/ctx/ignoring
  build -f <dir>/ctx/ignoring/Dockerfile <dir>/ctx/ignoring
  build -f <dir>/ctx/plain <dir>/ctx/plain
  build -f "" <dir>/ctx/plain
  build ""
  build ftp://x
  build
  build a b
  image build <dir>/ctx/lower
  builder build <dir>/ctx/lower
`;

const flags = `
  build -t one <dir>/ctx/lower
  build -t one -t registry.example/two:3 <dir>/ctx/lower
  build -t BAD <dir>/ctx/lower
  build -t x:y:z <dir>/ctx/lower
  build --build-arg A=1 --build-arg B=two=2 --build-arg SAMPLE --build-arg UNSET_VARIABLE <dir>/ctx/lower
  build --build-arg =x <dir>/ctx/lower
  build --build-arg "" <dir>/ctx/lower
  build --label a=b --label c <dir>/ctx/lower
  build --label "a b=c" <dir>/ctx/lower
  build --label =c <dir>/ctx/lower
  build --target stage <dir>/ctx/lower
  build --no-cache --pull <dir>/ctx/lower
  build --rm=false <dir>/ctx/lower
  build --force-rm <dir>/ctx/lower
  build --rm=false --force-rm <dir>/ctx/lower
  build --network host <dir>/ctx/lower
  build --network "" <dir>/ctx/lower
  build --add-host a:1.2.3.4 --add-host b=::1 --add-host c:host-gateway <dir>/ctx/lower
  build --add-host a <dir>/ctx/lower
  build --add-host a:x <dir>/ctx/lower
  build --shm-size 64m <dir>/ctx/lower
  build --shm-size x <dir>/ctx/lower
  build --ulimit nofile=10:20 --ulimit nproc=5 <dir>/ctx/lower
  build --ulimit x <dir>/ctx/lower
  build -m 100m --memory-swap 200m -c 512 --cpu-period 100000 --cpu-quota 50000 <dir>/ctx/lower
  build --memory-swap -1 --cpuset-cpus 0-1 --cpuset-mems 0 --cgroup-parent /p <dir>/ctx/lower
  build --cache-from a,b --cache-from c <dir>/ctx/lower
  build --cache-from "" <dir>/ctx/lower
  build --security-opt a=b,c --isolation x <dir>/ctx/lower
  build --platform linux/arm64 <dir>/ctx/lower
  build --platform LINUX/AMD64 <dir>/ctx/lower
  build -q <dir>/ctx/lower
  build -q -t fails <dir>/ctx/lower
  build --iidfile <dir>/out/id <dir>/ctx/lower
  build --iidfile <dir>/out/existing <dir>/ctx/lower
  build --iidfile <dir>/out/no/such <dir>/ctx/lower
  build --iidfile <dir>/out/id -t no-id <dir>/ctx/lower
  build --iidfile <dir>/out/existing -t fails <dir>/ctx/lower
  build -t fails <dir>/ctx/lower
  build -t fails-plainly <dir>/ctx/lower
  build -t refused <dir>/ctx/lower
  build -t warned <dir>/ctx/lower
  build --foo <dir>/ctx/lower
`;

const pruning = `
  builder prune -f
  builder prune -af
  builder prune -f --filter until=24h --filter id=x
  builder prune -f --keep-storage 10gb
  builder prune -f --keep-storage x
  builder prune x
  builder foo
`;

const lines = (text: string): CliCase[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => ({ line }));

const dockerfile = 'FROM busybox\nRUN true\n';

const fromInput: readonly CliCase[] = [
  { line: 'build -', stdin: dockerfile },
  { line: 'build -f Dockerfile -', stdin: dockerfile },
  { line: 'build -f - -', stdin: dockerfile },
  { line: 'build -' },
  { line: 'build -f - <dir>/ctx/plain', stdin: dockerfile },
  { line: 'build -f - <dir>/ctx/ignoring', stdin: dockerfile },
  { line: 'build -f - <dir>/ctx/none', stdin: dockerfile },
];

const auth = Buffer.from('ann:secret').toString('base64');
const configured: readonly CliCase[] = [
  { config: { auths: { 'known.example': { auth } } }, line: 'build <dir>/ctx/lower' },
  { config: { auths: { 'known.example': { identitytoken: 'id' } } }, line: 'build <dir>/ctx/lower' },
  { config: { credHelpers: { 'known.example': 'canned' } }, line: 'build <dir>/ctx/lower' },
  {
    config: { proxies: { default: { httpProxy: 'http://p', noProxy: 'n' } } },
    line: 'build <dir>/ctx/lower',
  },
  {
    config: { proxies: { default: { httpProxy: 'http://p' } } },
    line: 'build --build-arg HTTP_PROXY=http://q <dir>/ctx/lower',
  },
  { config: { pruneFilters: ['until=1h'] }, line: 'builder prune -f' },
];

export const buildCases: readonly CliCase[] = [
  ...lines(contexts),
  ...lines(flags),
  ...lines(pruning),
  ...fromInput,
  ...configured,
  { line: 'builder prune', stdin: 'y\n' },
  { line: 'builder prune', stdin: 'n\n' },
  { line: 'builder prune -a', stdin: 'y\n' },
];

export const buildHelpPages: readonly string[] = ['builder', 'builder prune'];
