import { buildCases, buildHelpPages } from './build-cases.ts';
import { fileCases, fileHelpPages } from './file-cases.ts';
import { networkHelpPages, networkLines } from './network-cases.ts';
import { registryCases, registryHelpPages } from './registry-cases.ts';
import { volumeHelpPages, volumeLines } from './volume-cases.ts';

/** Command lines whose output, exit status and requests must be those of Docker's own command line. */
export interface CliCase {
  readonly line: string;
  readonly stdin?: string;
  /** The user's `config.json` before. */
  readonly config?: object;
  /** Requests may come in any order, as operations on several objects run at once. */
  readonly unordered?: boolean;
  /** Docker looks for kinds of objects too that are not here. */
  readonly ignoreRequests?: boolean;
}

/** What the outcome of a case is recorded under. */
export function caseKey({ line, stdin = '', config }: CliCase): string {
  return JSON.stringify(config === undefined ? [line, stdin] : [line, stdin, config]);
}

/** Words are separated by blanks; quotes keep blanks. `<dir>` stands for the folder of the cases' files. */
export function splitLine(line: string, dir: string): string[] {
  const words = line.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? [];
  return words.map((word) =>
    word.replace(/"([^"]*)"|'([^']*)'/g, (_, a, b) => a ?? b).replaceAll('<dir>', dir),
  );
}

const lines = (text: string): CliCase[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => ({ line }));

const parsing = lines(`
  run --foo
  run -Z x
  run -itZ x
  run -m
  run --memory
  run -m x busybox
  run
  ps a
  rename a
  port
  port a b c
  foo
  --foo
  -Z
  container foo
  container --foo
  system foo
  run --memory-swappiness abc x
  run --memory-swappiness 101 x
  run --cpus x b
  run --cpus 0.0000000001 b
  run -it=xx b
  run --health-interval 5 b
  run --health-interval 5x b
  run --health-interval "" b
  stop -t x y
  stop
  run --blkio-weight 99999 b
  run --pids-limit 1.5 b
  run --rm=maybe x
  run -abc x
  run ---x
  run --=x
  run --oom-score-adj 99999999999999999999 b
  ps --help=x
  container ls -aq=x
  images a b
  history
  exec a
  logs
  logs a b
  top
  load x
  container run
  image rm
  tag a
  network inspect
  volume create a b
  volume rm
  inspect
  inspect --type foo x
  inspect --type= x
  help foo
  --log-level foo ps
  -H foo://x ps
  -H unix:///nowhere/x.sock ps
  -H tcp://127.0.0.1:1 ps
  -H a -H b ps
  -c foo ps
  -c foo -H unix:///x ps
  -c default volume ls
  version --format {{.Foo
  ps --format {{.Foo
  ps --format {{.Foo}}
`);

const creation = lines(`
  create busybox
  create --name web busybox sh -c 'echo hi'
  create -it -e A=1 -e B -e SAMPLE -e A=2 busybox
  create -e =x busybox
  create --env-file <dir>/env busybox
  create --env-file <dir>/nosuch busybox
  create --env-file <dir>/badenv busybox
  create --env-file <dir>/emptykey busybox
  create -l a=b -l c --label-file <dir>/labels busybox
  create -l "a b=c" busybox
  create -l =c busybox
  create -p 80 busybox
  create -p 8080:80 -p 127.0.0.1:53:53/udp -p [::1]:81:81 busybox
  create -p 8000-8002:80-82 busybox
  create -p 8000-8010:80 busybox
  create -p 8000-8001:80-82 busybox
  create -p x busybox
  create -p 80x:80 busybox
  create -p 80:80/xyz busybox
  create -p 1.2.3:80:80 busybox
  create -p : busybox
  create -p 70000 busybox
  create -p published=8080,target=80 busybox
  create -p published=8080,target busybox
  create --expose 90 --expose 100-102/udp -p 80 busybox
  create --expose 80:80 busybox
  create --expose x busybox
  create --expose 10-5 busybox
  create -P busybox
  create -v /data busybox
  create -v /host:/data:ro busybox
  create -v vol:/data busybox
  create -v ./rel:/data busybox
  create -v a::b busybox
  create -v a:b:c:d busybox
  create -v '' busybox
  create --mount type=bind,source=/a,target=/b,readonly busybox
  create --mount type=volume,src=v,dst=/d,volume-nocopy,volume-label=a=b,volume-driver=local,volume-opt=o=x busybox
  create --mount type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=1770 busybox
  create --mount type=image,src=alpine,target=/i,image-subpath=etc busybox
  create --mount type=bind,src=/a,dst=/b,bind-propagation=rshared,bind-recursive=disabled busybox
  create --mount type=bind,src=/a,dst=/b,bind-recursive=nope busybox
  create --mount type=bind,src=/a,dst=/b,bind-recursive=readonly busybox
  create --mount type=bind,src=/a,dst=/b,readonly,bind-recursive=readonly busybox
  create --mount target=/x busybox
  create --mount type=bind busybox
  create --mount type=bind,foo=bar,target=/x busybox
  create --mount type=bind,foo,target=/x busybox
  create --mount type=bind,target=/x,tmpfs-size=1m busybox
  create --mount type=tmpfs,target=/x,tmpfs-size=zz busybox
  create --mount type=tmpfs,target=/x,tmpfs-mode=9 busybox
  create --mount type=bind,src=/a,dst=/b,readonly=maybe busybox
  create --mount 'type=bind,"src=/a,b",dst=/c' busybox
  create --mount '"x' busybox
  create --tmpfs /run:size=64k --tmpfs /tmp busybox
  create -m 512m --memory-swap -1 --memory-reservation 256M --memory-swappiness 60 busybox
  create -m 6m busybox
  create -m 1.5g --memory-swap 2GiB busybox
  create -m 1xb busybox
  create -m -1 busybox
  create --cpus 1.5 --cpu-shares 512 --cpuset-cpus 0-1 --cpuset-mems 0 --cpu-period 100000 --cpu-quota 50000 busybox
  create --cpus 3/2 busybox
  create --cpu-rt-period 1000 --cpu-rt-runtime 500 --pids-limit -1 --oom-kill-disable --oom-score-adj -500 busybox
  create --blkio-weight 300 --blkio-weight-device /dev/sda:200 busybox
  create --blkio-weight-device sda:200 busybox
  create --blkio-weight-device /dev/sda:5 busybox
  create --device-read-bps /dev/sda:1mb --device-write-bps /dev/sda:2m --device-read-iops /dev/sda:10 --device-write-iops /dev/sda:20 busybox
  create --device-read-bps /dev/sda:xx busybox
  create --device-read-iops /dev/sda:1k busybox
  create --device-read-bps /dev/sda busybox
  create --device /dev/null --device /dev/zero:/dev/z:rw --device /dev/full:r busybox
  create --device /dev/null:/dev/x:q busybox
  create --device dev/null busybox
  create --device :x busybox
  create --device vendor.com/class=dev busybox
  create --device-cgroup-rule 'c 1:3 rwm' busybox
  create --device-cgroup-rule 'x 1:3 rwm' busybox
  create --ulimit nofile=1024:2048 --ulimit core=0 busybox
  create --ulimit nofile busybox
  create --ulimit bogus=1 busybox
  create --ulimit nofile=10:5 busybox
  create --ulimit nofile=1:2:3 busybox
  create --ulimit nofile=x busybox
  create --ulimit nofile=-1:5 busybox
  create --cap-add NET_ADMIN --cap-drop all --security-opt no-new-privileges --security-opt label=disable busybox
  create --security-opt seccomp=unconfined --security-opt apparmor:x busybox
  create --security-opt seccomp=<dir>/seccomp.json busybox
  create --security-opt seccomp=<dir>/nosuch.json busybox
  create --security-opt foo busybox
  create --security-opt systempaths=unconfined busybox
  create --privileged --read-only --init --user 1000:1000 -w /w -h host --domainname dom busybox
  create --init=false busybox
  create --add-host a:1.2.3.4 --add-host b=::1 --add-host c:[::1] --add-host d:host-gateway busybox
  create --add-host a busybox
  create --add-host a:1.2.3 busybox
  create --dns 8.8.8.8 --dns-search example.com --dns-option ndots:2 --dns-opt timeout:1 busybox
  create --dns 127.0.0.1 busybox
  create --dns 1.2.3 busybox
  create --dns-search . busybox
  create --dns-search 'a b' busybox
  create --link db:database busybox
  create --link '' busybox
  create --link a:b:c busybox
  create --network net1 --network-alias a --network-alias b --ip 10.0.0.5 --link db busybox
  create --network name=net1,alias=web,driver-opt=a=b,ip=10.0.0.2,mac-address=02:42:ac:11:00:02,gw-priority=5 --network net2 busybox
  create --network name=net1,foo=bar busybox
  create --network alias=web busybox
  create --network name=net1,gw-priority=x busybox
  create --network net1 --network net1 busybox
  create --network host --network net1 busybox
  create --network bridge --network-alias x busybox
  create --network name=net1,alias=x --network-alias y busybox
  create --network name=net1,ip=10.0.0.2 --ip 10.0.0.3 busybox
  create --network host busybox
  create --net none busybox
  create --network container:abc busybox
  create --mac-address 02:42:ac:11:00:02 busybox
  create --mac-address xx busybox
  create --pid host --ipc host --uts host --userns host --cgroupns host busybox
  create --pid foo busybox
  create --uts foo busybox
  create --userns foo busybox
  create --cgroupns foo busybox
  create --pid container: busybox
  create --health-cmd true --health-interval 5s --health-timeout 1m30s --health-retries 3 --health-start-period 1ms --health-start-interval 1s busybox
  create --no-healthcheck busybox
  create --no-healthcheck --health-cmd x busybox
  create --health-interval -5s busybox
  create --health-retries -1 busybox
  create --restart always busybox
  create --restart on-failure:5 busybox
  create --restart on-failure:x busybox
  create --restart :5 busybox
  create --restart always --rm busybox
  create --restart '' busybox
  create --log-driver json-file --log-opt max-size=1m --log-opt mode busybox
  create --log-driver none --log-opt a=b busybox
  create --storage-opt size=1G busybox
  create --storage-opt size busybox
  create --sysctl net.ipv4.ip_forward=1 --sysctl kernel.shmmax=5 busybox
  create --sysctl kernel.foo=1 busybox
  create --sysctl net.x busybox
  create --entrypoint '' busybox
  create --entrypoint /bin/sh busybox -c ls
  create --stop-signal TERM --stop-timeout 5 --shm-size 1g --runtime crun --cgroup-parent /p --isolation default busybox
  create --gpus all busybox
  create --gpus 'device=0,"capabilities=utility,compute"' busybox
  create --gpus 2,driver=nvidia busybox
  create --gpus x busybox
  create --gpus foo=bar busybox
  create --gpus count=1,count=2 busybox
  create --annotation a=b --volumes-from x:ro --volume-driver d --group-add audio busybox
  create --platform linux/arm64 busybox
  create --pull foo busybox
  create --pull always busybox
  create --pull never missing
  create missing
  create -q missing:1
  create --name taken busybox
  create denied
  create missing-inband
  create Upper
  create 'a b'
  create a/../b
  create --attach stdin -a STDERR busybox
  create --attach foo busybox
  create --io-maxbandwidth 1m --io-maxiops 5 --cpu-count 2 --cpu-percent 50 --kernel-memory 4m busybox
  create --cidfile <dir>/env busybox
  create --cidfile <dir>/no/such busybox
  create --link-local-ip 169.254.1.1 --ip6 2001:db8::1 busybox
  create -- busybox -x --y
  create busybox --foo -it
`);

const running = lines(`
  run busybox true
  run --rm busybox true
  run -d busybox
  run -d --rm --name web busybox
  run -d -a stdout busybox
  run -it busybox
  run -a stdout busybox
  run -a stderr busybox
  run exits3
  run fails-missing x
  run fails-denied
  run fails-other
  run -d fails-other
  run --rm fails-missing
  run missing
  run -q missing
  run --pull never missing
  run denied-missing
  run --name taken busybox
  run --sig-proxy=false --detach-keys ctrl-x busybox
  run -e A=1 -p 80:80 -v /x:/y busybox
  exec web true
  exec -e A=1 -w /tmp -u root --privileged web ls -l
  exec -d web sleep 1
  exec three x
  exec -it web sh
  exec nosuch x
  exec pausedc x
  exec --env-file <dir>/env web x
  start web
  start web nosuch broken idle
  start -a web
  start -a web idle
  start -ai nosuch
  start already
  attach web
  attach stopped
  attach pausedc
  attach nosuch
  logs web
  logs ttyc
  logs -f --tail 5 -t --details web
  logs --since 2025-01-01T00:00:00Z --until 1735689600 web
  logs --since 2025-01-01 web
  logs --since x web
  logs nosuch
`);

const managing = lines(`
  stop web
  stop -t 3 -s INT web
  stop --time 4 web
  stop --time 4 -t 3 web
  restart web
  restart -t 0 web
  kill -s HUP web
  kill nosuch
  pause web
  unpause web
  wait web
  wait nosuch web
  rm web
  rm -fv web
  rm -f nosuch
  rm nosuch
  rm /
  rm -l /web/db
  rename web web2
  rename nosuch x
  rename ' ' x
  rename broken web
  top web
  top web -o pid,cmd
  port web
  port web 80
  port web 443/tcp
  port web 99
  port web x
  port web 70000
  update -m 64m --memory-swap -1 web
  update --restart always --cpus 2 --pids-limit 5 web
  update web
  update -m 1g warned nosuch
  update --restart on-failure:x web
  container prune -f
  container prune -f --filter label=x
  tag busybox web:2
  tag busybox registry.example:5000/a/b
  tag busybox BAD
  tag busybox a@sha256:1111111111111111111111111111111111111111111111111111111111111111
  rmi busybox
  rmi -f --no-prune busybox
  rmi nosuch
  rmi -f nosuch
  rmi used busybox
  load -i <dir>/archive.tar
  load -i <dir>/nosuch.tar
  import <dir>/archive.tar x:1
  import -c 'CMD sh' -m hello --platform linux/amd64 <dir>/archive.tar
  import http://example.invalid/x.tar y
  import <dir>/nosuch.tar
  pull busybox
  pull -q busybox
  pull busybox:1.36
  pull -a busybox
  pull -a busybox:1
  pull denied
  pull inband
  pull BAD
  pull --platform linux/arm64 registry.example:5000/x@sha256:1111111111111111111111111111111111111111111111111111111111111111
  volume create
  volume create v1 -d local -o type=tmpfs -o device=tmpfs --label a=b
  volume create --name v1
  volume create --name v1 v2
  volume create --label 'a b' x
  volume rm v1 busy nosuch
  volume rm -f v1
`);

const listing = lines(`
  ps
  ps -a
  ps -aq
  ps -q --no-trunc
  ps --no-trunc
  ps -s
  ps -l
  ps -n 3
  ps --filter status=exited --filter label=a=b -f name=x
  ps --filter foo
  ps --format '{{.ID}}: {{.Names}}'
  ps --format 'table {{.Names}}\\t{{.Ports}}'
  ps --format 'table {{.Names}}\\t{{.Label "com.example.tier"}}\\t{{.Size}}'
  ps --format table
  ps --format json
  ps --format raw
  ps --format raw -q
  ps --format '{{json .}}' -s
  ps --format '{{.Mounts}} {{.LocalVolumes}} {{.Networks}} {{.Labels}}' --no-trunc
  ps --format '{{.Mounts}} {{.State}} {{.RunningFor}}'
  ps --format '{{upper .Names}} {{lower .Image}} {{title .State}} {{pad .Names 2 3}}| {{truncate .ID 4}}'
  ps --format '{{if eq .State "running"}}up{{else}}down{{end}}'
  ps --format '{{range split .Names ","}}[{{.}}]{{end}}' --no-trunc
  ps --format '{{join (split .Ports ", ") ";"}}'
  ps --format '{{printf "%-10s|%5s|%q" .Names .State .Status}}'
  ps --format '{{len .Names}} {{slice .ID 0 3}} {{index .Names 0}}'
  ps --format '{{with .Names}}{{.}}{{end}}{{/* c */}} {{- " x" -}} !'
  ps --format '{{$n := .Names}}{{$n}} {{not true}} {{and .ID .Names}} {{or "" "x"}}'
  ps --format '{{println .Names}}'
  ps --format '{{.Names | upper | printf "%s!"}}'
  ps --format '{{html "<a>"}} {{js "it'"'"'s"}} {{urlquery "a b&c"}}'
  ps --format '{{foo .ID}}'
  ps --format '{{.ID'
  ps --format '{{if}}'
  ps --format '{{end}}'
  ps --format '{{if .ID}}x'
  ps --format '{{.ID | }}'
  ps --format '{{"x}}'
  ps --format '{{split .ID}}'
  ps --format '{{split 1 2}}'
  ps --format '{{index .ID "x"}}'
  ps --format '{{lt .ID 5}}'
  ps --format '{{.ID.Foo}}'
  ps --format '{{.Label}}'
  ps --format '{{#}}'
  ps --format '{{$x}}'
  ps --format 'table {{.Names}}\\t{{json .ID}}\\t{{upper .State}}'
  images
  images -q
  images -a --no-trunc
  images --digests
  images --filter dangling=true
  images busybox
  images ls
  images --format '{{.Repository}}:{{.Tag}} {{.Size}} {{.CreatedSince}} {{.VirtualSize}} {{.Containers}} {{.SharedSize}} {{.UniqueSize}}'
  images --format 'table {{.ID}}\\t{{.Digest}}'
  images --format json --no-trunc
  images --format '{{.Foo}}'
  image ls -q --no-trunc
  history web
  history -q web
  history --no-trunc web
  history -H=false --format '{{.ID}} {{.Size}}' web
  history --format '{{.CreatedBy}} {{.CreatedSince}} {{.Comment}}' web
  history nosuch
  network ls
  network ls -q
  network ls --no-trunc -f driver=bridge
  network ls --format '{{.Name}}: {{.Driver}} {{.IPv4}} {{.Internal}} {{.CreatedAt}} {{.Labels}}'
  network ls --format json
  volume ls
  volume ls -q
  volume ls -f dangling=true
  volume ls --format '{{.Name}} {{.Mountpoint}} {{.Label "l"}} {{.Links}} {{.Size}}'
  volume ls --format json
  stats --no-stream --no-trunc web
  stats --no-stream --format '{{.Name}} {{.CPUPerc}} {{.MemPerc}} {{.NetIO}} {{.BlockIO}} {{.PIDs}} {{.Container}}' web
  stats --no-stream --format json web
  stats --no-stream nosuch
  events --since 1 --until 2
  events --since 1 --until 2 --format '{{.Action}} {{.Actor.ID}} {{.Type}} {{.TimeNano}}'
  events --since 1 --until 2 --format json
  events --since 1 --until 2 --format '{{.Foo}}'
  events --since 1 --filter type=container --filter event=start
  info
  info -f '{{.ServerVersion}} {{.NCPU}} {{.Driver}}'
  info -f '{{.Foo}}'
  info -f '{{json .Plugins}} {{json .Swarm.LocalNodeState}} {{json .Labels}}'
  info -f '{{range .DriverStatus}}{{.}}{{end}} {{.Plugins.Volume}} {{.RegistryConfig.Mirrors}}'
  version -f '{{.Foo}}'
  info -f '{{.ID}} {{.Foo}}'
  version -f '{{.Server.Version}} {{.Server.APIVersion}} {{range .Server.Components}}{{.Name}}={{.Version}} {{end}}'
`);

const inspecting = lines(`
  container inspect web
  container inspect -s web
  container inspect web nosuch
  container inspect -f '{{.State.Status}} {{.State.Pid}} {{.Name}}' web
  container inspect -f '{{.Id}}' web
  container inspect -f '{{.ID}}' web
  container inspect -f '{{json .Config}}' web
  container inspect -f '{{json .NetworkSettings.Ports}}' web
  container inspect -f '{{.NetworkSettings.Ports}} {{.Config.Labels}} {{.Config.Env}} {{.HostConfig.PortBindings}}' web
  container inspect -f '{{.Mounts}} {{.Config.ExposedPorts}}' web
  container inspect -f '{{.State.Health}}' web
  container inspect -f '{{.State.Health.Status}}' web
  container inspect -f '{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}' web
  container inspect -f '{{.Foo}}' web
  container inspect -f '{{.Name.Foo}}' web
  container inspect -f '{{index .Config.Labels "com.example.tier"}} [{{index .Config.Labels "no"}}]' web
  container inspect -f '{{.Config.Labels.a}} {{.Config.Labels.no}}' web
  container inspect -f '{{range $k, $v := .NetworkSettings.Networks}}{{$k}}={{$v.IPAddress}} {{end}}' web
  container inspect -f '{{range .Mounts}}{{.Source}}:{{.Destination}} {{end}}' web
  container inspect -f '{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}' web
  container inspect -f '{{.HostConfig.NanoCPUs}} {{.HostConfig.OomKillDisable}} {{.HostConfig.PidsLimit}} {{.RestartCount}}' web
  container inspect -f '{{.HostConfig.NanoCpus}}' web
  container inspect -f '{{eq .RestartCount 0}} {{gt .State.Pid 100}} {{ne .Name "x"}}' web
  container inspect -f json web
  container inspect -f '{{' web
  container inspect -f '{{.Config.Healthcheck}} {{.SizeRw}}' web
  container inspect -f '{{len .Mounts}} {{.Args}} {{.ExecIDs}} {{.Config.Entrypoint}}' web
  image inspect web
  image inspect -f '{{.Id}} {{.RepoTags}} {{.Size}}' web
  image inspect -f '{{.ID}} {{.Architecture}}/{{.Os}} {{.RootFS.Layers}}' web
  image inspect nosuch
  network inspect bridge
  network inspect -v bridge
  network inspect -f '{{.Name}} {{.Driver}} {{range .IPAM.Config}}{{.Subnet}}{{end}} {{.Options}}' bridge
  network inspect nosuch
  volume inspect data
  volume inspect -f '{{.Name}} {{.Mountpoint}} {{.Labels}} {{.Options}}' data
  volume inspect nosuch
  inspect web
  inspect -s --type image web
  inspect --type container nosuch
  inspect --type network bridge
  inspect -f '{{.Name}}' web
`);

const special: readonly CliCase[] = [
  { line: 'inspect nosuch', ignoreRequests: true },
  { line: 'stats --no-stream', unordered: true },
  { line: 'stop web idle nosuch', unordered: true },
  { line: 'rm web nosuch idle broken', unordered: true },
  { line: 'kill -s 9 web idle', unordered: true },
  { line: 'stats --no-stream web idle', unordered: true },
  { line: 'load', stdin: 'an archive' },
  { line: 'import -', stdin: 'files' },
  { line: 'container prune', stdin: 'y\n' },
  { line: 'container prune', stdin: 'n\n' },
  { line: 'exec -i web cat', stdin: 'typed' },
  { line: 'run -i busybox cat', stdin: 'typed' },
  { line: 'start -ai open', stdin: 'typed' },
];

export const cliCases: readonly CliCase[] = [
  ...parsing,
  ...creation,
  ...running,
  ...managing,
  ...listing,
  ...inspecting,
  ...special,
  ...fileCases,
  ...buildCases,
  ...registryCases,
  ...lines(networkLines),
  ...lines(volumeLines),
  { line: 'network prune', stdin: 'y\n' },
  { line: 'network prune', stdin: 'n\n' },
];

/** Help pages are laid out as Docker's; their words are their own. */
export const helpPages: readonly string[] = [
  'run',
  'create',
  'exec',
  'start',
  'stop',
  'restart',
  'kill',
  'pause',
  'unpause',
  'wait',
  'rm',
  'rename',
  'ps',
  'logs',
  'attach',
  'top',
  'stats',
  'port',
  'update',
  'images',
  'tag',
  'rmi',
  'history',
  'load',
  'import',
  'pull',
  'version',
  'info',
  'events',
  'inspect',
  'container ls',
  'container rm',
  'container inspect',
  'container prune',
  'container run',
  'image ls',
  'image rm',
  'image inspect',
  'network ls',
  'network inspect',
  'volume ls',
  'volume inspect',
  'volume rm',
  'system info',
  'system events',
  ...fileHelpPages,
  ...buildHelpPages,
  ...registryHelpPages,
  ...networkHelpPages,
  ...volumeHelpPages,
];
