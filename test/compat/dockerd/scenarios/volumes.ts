import type { Scenario } from '../scenario.ts';

const look = 'stat -c "%n %a %u:%g %F" /v /v/passwd /v/group';

/** A container to be, with one mount. */
const mount = (body: string): string =>
  `POST /containers/create {"Image":"busybox","HostConfig":{"Mounts":[${body}]}}`;

const run = (volume: string): string => `run --rm -v ${volume}:/v busybox`;

/** A start that fails, for a volume that cannot be mounted where this daemon keeps it. */
const failing = (volume: string) => ({
  line: `${run(volume)} true`,
  mask: /(?<=['\s:])\/\S+?(?=\/volumes\/)/g,
});

/** What containers keep, and what it is kept on. */
export const volumes: readonly Scenario[] = [
  {
    name: 'volumes filled from the image',
    steps: [
      'create --name maker -v etc:/etc busybox',
      `${run('etc')} ${look}`,
      'run --rm -v tmp:/tmp busybox true',
      `${run('tmp')} stat -c "%a %u:%g" /v`,
      'run --rm -v bare:/etc:nocopy busybox ls -A /etc',
      `${run('bare')} ls -A /v`,
      'run --rm -v new:/no/such/place busybox stat -c "%a %u:%g" /no/such/place',
      'run --rm -v kept:/v busybox touch /v/mine',
      'run --rm -v kept:/etc busybox ls -A /etc',
      { line: 'create -v /etc/passwd busybox', mask: /(?<=file exists )\S+/g },
      'run --rm --read-only -v ro:/etc:ro busybox ls /etc/group',
      'run --rm -v deep:/etc -v /etc/inner busybox ls -A /etc/inner',
      `${run('deep')} ls /v/group /v/inner`,
      'volume rm etc',
      'rm -v maker',
      'volume rm etc tmp bare new kept ro deep',
    ],
  },
  {
    name: 'volumes with devices',
    steps: [
      'volume create -o type=tmpfs -o device=tmpfs -o o=size=1m,mode=1750,uid=7 mem',
      'volume inspect -f "{{.Options}} {{.Driver}} {{.Scope}}" mem',
      `${run('mem')} stat -c "%a %u:%g" /v`,
      `${run('mem')} sh -c "df -k /v | tail -n 1 | tr -s ' ' | cut -d ' ' -f 2"`,
      'volume create -o type=none -o device=/nosuch -o o=bind missing',
      failing('missing'),
      'volume create -o type=nosuchfs -o device=x odd',
      failing('odd'),
      'volume create -o type=tmpfs -o device=tmpfs -o o=size=bad,noexec,nosuid wrong',
      failing('wrong'),
      'volume create -o type=none -o device=<dir> -o o=bind,ro bound',
      `${run('bound')} touch /v/x`,
      'volume create -o type=tmpfs a1',
      'volume create -o device=tmpfs a2',
      'volume create -o o=bind -o type=none a3',
      'volume create -o size=10M a4',
      'volume create -o size=bad a5',
      'volume create -o color=red a6',
      'volume create -o type= -o device= a7',
      `${run('a7')} true`,
      'volume create -o type=tmpfs -o device= a8',
      failing('a8'),
      'volume ls -q',
      'volume rm mem missing odd wrong bound a7 a8',
    ],
  },
  {
    name: 'mounts that do not fit',
    steps: [
      mount('{"Type":"volume","Target":"/x","ReadOnly":true}'),
      mount('{"Type":"volume","Source":"a/b","Target":"/x"}'),
      mount('{"Type":"volume","Source":"v","Target":"x"}'),
      mount('{"Type":"volume","Source":"v","Target":"/"}'),
      mount('{"Type":"volume","Source":"v","Target":""}'),
      mount('{"Type":"bind","Source":"/nosuch","Target":"/x"}'),
      mount('{"Type":"bind","Source":"rel","Target":"/x"}'),
      mount('{"Type":"bind","Target":"/x"}'),
      mount('{"Type":"bind","Source":"/etc","Target":"/x","BindOptions":{"Propagation":"odd"}}'),
      mount('{"Type":"tmpfs","Source":"/etc","Target":"/x"}'),
      mount('{"Type":"tmpfs","Target":"/x","TmpfsOptions":{"SizeBytes":-1}}'),
      mount('{"Type":"odd","Source":"/etc","Target":"/x"}'),
      mount('{"Type":"volume","Source":"vol","Target":"/x"},{"Type":"tmpfs","Target":"/x"}'),
      'create -v vol:/x -v vol:/x:ro busybox',
      'create -v v:/x:odd busybox',
      'create -v v:/x:ro,rw busybox',
      'create -v v:/x:z,Z busybox',
      'create -v v:/x:shared busybox',
      'create -v /etc:/x:nocopy busybox',
      'create -v /:/ busybox',
      'create -v vol: busybox',
      'create --volumes-from nosuch busybox',
      'volume ls -q -f name=ol',
    ],
  },
  {
    name: 'lists of volumes, and prunes',
    steps: [
      'volume create --label a=1 one',
      'volume create --label a=2 --label b two',
      'create --name user -v one:/x busybox',
      'volume ls -q',
      'volume ls -q -f dangling=true',
      'volume ls -q -f dangling=false',
      'volume ls -q -f label=a',
      'volume ls -q -f label=a=2',
      'volume ls -q -f name=w',
      'volume ls -q -f driver=local -f name=one',
      'volume ls -q -f driver=other',
      'GET /volumes?filters={"dangling":["maybe"]}',
      'volume rm one',
      'volume rm -f one nosuch',
      'POST /volumes/create {"Name":"one","Labels":{"c":"3"}}',
      { line: 'volume prune -f --filter label=nosuch', sorted: true },
      { line: 'POST /volumes/prune?filters={"label!":["b"]}', mask: /(?<="SpaceReclaimed":)\d+/g },
      { line: 'POST /volumes/prune', mask: /(?<="SpaceReclaimed":)\d+/g },
      'volume ls -q',
      'rm user',
      'volume rm one',
    ],
  },
];
