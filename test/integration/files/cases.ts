/** Two ways to a container c1 in which `$prepare` has run: one still runs, the other has ended. */
const running = 'run c1; inside c1 "$prepare"';
const stopped = 'docker run --name c1 busybox sh -c "$prepare"';

const tree = `
mkdir -p src/sub; printf 1 >src/a; printf 22 >src/sub/b; ln -s a src/link; ln -s sub src/dirlink
printf 333 >file; ln -s file tofile; ln -s src tosrc; ln -s nowhere broken; chmod 640 file; chmod 2750 src/sub`;

const places = `for n in 1 2 3 4 5 6 7 8 9 10 11 12; do mkdir -p /t/$n/d/src; cd /t/$n; printf 4444 >f; ln -s d tod; ln -s f tof; ln -s none tonone; done`;

function both(name: string, prepare: string, script: string): Record<string, string> {
  return Object.fromEntries(
    [
      ['running', running],
      ['stopped', stopped],
    ].map(([state, start]) => [`${name}, ${state}`, `prepare='${prepare}'\n${start}\n${script}`]),
  );
}

/** Shell scripts in the words of prelude.sh. What they print on dockerd is in outcomes.json. */
export const cases: Readonly<Record<string, string>> = {
  ...both(
    'cp of a file to every kind of destination in a container',
    places,
    `${tree}
n=0; for to in new new/ f f/ d d/ d/. tod tod/ tof tonone no/such; do n=$((n+1)); echo "$to:"; docker cp -q file c1:/t/$n/$to; done
show c1 /t | grep -v -E ' t/[0-9]+/(d/src/|tod -> d|tof -> f|tonone -> none)?$'`,
  ),
  ...both(
    'cp of a directory to every kind of destination in a container',
    places,
    `${tree}
n=0; for to in new new/ f d d/ d/. tod tonone no/such; do n=$((n+1)); echo "$to:"; docker cp -q src c1:/t/$n/$to; done
show c1 /t | grep -v -E ' t/[0-9]+/(d/src/|tod -> d|tof -> f|tonone -> none)?$'`,
  ),
  ...both(
    "cp of a directory's content to every kind of destination in a container",
    places,
    `${tree}
n=0; for to in new new/ f d d/ tod no/such; do n=$((n+1)); echo "$to:"; docker cp -q src/. c1:/t/$n/$to; done
show c1 /t | grep -v -E ' t/[0-9]+/(d/src/|tod -> d|tof -> f|tonone -> none)?$'`,
  ),
  ...both(
    'cp of links to a container, followed and not',
    places,
    `${tree}
docker cp -q tofile c1:/t/1/d; docker cp -q -L tofile c1:/t/2/d; docker cp -q tosrc c1:/t/3/d; docker cp -q -L tosrc c1:/t/4/d
docker cp -q tosrc/ c1:/t/5/d; docker cp -q broken c1:/t/6/d; docker cp -q -L broken c1:/t/7/d; docker cp -q missing c1:/t/8/d
docker cp -q file/ c1:/t/9/d; docker cp -q src/link c1:/t/10/new; docker cp -q -L src/dirlink c1:/t/11/new
show c1 /t | grep -v -E ' t/[0-9]+/(d/src/|tod -> d|tof -> f|tonone -> none)?$'`,
  ),
  ...both(
    'cp of a file from a container to every kind of destination',
    'mkdir /d; printf 1 >/d/a; ln -s d/a /link; chmod 751 /d; chown 5:6 /d/a; chmod 4711 /d/a',
    `mkdir dir; printf 55555 >there; ln -s dir todir; ln -s there tothere
for to in new new2/ there dir dir/ dir/. todir tothere no/such; do echo "$to:"; docker cp -q c1:/d/a $to; found .; rm -rf new*; done
for from in /link /d/none /d/a/ d/a ./d/../d/a; do echo "$from:"; docker cp -q c1:$from out; found out; rm -f out; done
docker cp -q -L c1:/link followed; found followed`,
  ),
  ...both(
    'cp of a directory from a container to every kind of destination',
    'mkdir -p /d/s; printf 1 >/d/a; ln -s a /d/l; ln /d/a /d/s/hard; mkfifo /d/p; ln -s d /tod; chmod 751 /d; chown 5:6 /d/a; chown 7:8 /d/s',
    `for from in /d /d/ /d/. /tod /tod/ /tod/.; do for to in new dir file; do
  mkdir dir; printf 55555 >file; echo "$from $to:"; docker cp -q c1:$from $to; found .; rm -rf new dir file
done; done
docker cp -q -L c1:/tod followed; docker cp -q -a c1:/d kept; docker cp -q -a c1:/d/a kept-file; found followed kept kept-file`,
  ),
  ...both(
    'cp with archives on standard input and output',
    'mkdir -p /d/s /dest; printf 1 >/d/a; ln /d/a /d/s/hard; ln -s d /tod; printf 4444 >/f',
    `for from in /d /d/ /d/. /d/a /tod /tod/ /tod/. /none /f/x; do echo "$from:"; docker cp c1:$from - | members; done
${tree}
tar -c src | docker cp - c1:/dest; tar -c -C src . | docker cp - c1:/dest/; tar -c file | docker cp - c1:/f; tar -c file | docker cp - c1:/none
tar -cz file | docker cp - c1:/d; echo junk | docker cp - c1:/d
show c1 /dest; show c1 /d`,
  ),
  ...both(
    'a path of a container is described, its links resolved within it',
    'mkdir -p /d/s; printf 1 >/d/f; ln -s /d /abs; ln -s d rel; ln -s ../../../../d/f /out; ln -s /none /gone; ln -s d/none /half; ln -s rel/f /chain; ln -s loop /loop; chmod 1777 /d; chmod 6711 /d/f; mkfifo -m 600 /p; mknod /n c 1 3; mknod /b b 7 9',
    `look c1 /d/f /abs /rel /out /gone /half /chain /p /n /b d/f /d/./f //d//f /abs/f /abs/../d/f /rel/s/.. /abs/none /none /none/ /gone/ /half/x /d/f/ /d/f/. /d/f/x /proc /tmp
look none /`,
  ),
  ...both(
    'a path of a container is read, its members named by the path',
    'mkdir -p /d/s; printf 1 >/d/f; ln /d/f /d/s/hard; ln -s d /link; ln -s /none /gone; chown 5:6 /d/f; chmod 4711 /d/f; mkfifo /d/p; mknod /d/n c 1 3',
    `get c1 /d /d/ /d/. d /d/f /link /link/ /link/. /gone /gone/ /none /d/s/..; get none /`,
  ),
  ...both(
    'the root of a container is read whole',
    'rm -r /bin/[a-r]* /bin/t*; printf 1 >/f; mkdir /home/x',
    `for path in / . /.; do get c1 $path | grep -v -E " .?/?(bin|proc|sys|dev)/."; done`,
  ),
  ...both(
    'an archive is unpacked where it may be',
    'mkdir -p /d/s /t; printf 4444 >/f; ln -s /d /link; ln -s /f /tof; ln -s /none /gone',
    `tar -c -C / --mtime=@1000000000 --owner=5 --group=6 etc/hostname >t.tar; : >empty.tar; head -c 1024 /dev/zero >zeros.tar
put c1 /d t.tar; put c1 /link t.tar; put c1 /link/s t.tar; put c1 t t.tar; put c1 /gone t.tar; put c1 /none t.tar; put c1 /d/none/x t.tar; put none / t.tar; put c1 "" t.tar
put c1 /d empty.tar; put c1 /d zeros.tar; get c1 /d /t`,
  ),
  ...both(
    'an archive replaces what is there, unless kinds are to be kept',
    'mkdir -p /a/f/x /a/d /b/f/x /b/d /c/f /c/d; printf 1 >/a/d/kept; printf 1 >/a/n; printf 1 >/b/n; printf 1 >/c/n',
    `pack clash1.tar <<X
{"name":"f","data":"22"}
X
pack clash2.tar <<X
{"name":"n/","type":"dir","mode":448}
X
pack same.tar <<X
{"name":"d/","type":"dir","mode":448,"owner":[5,6]}
{"name":"d/new","data":"333"}
{"name":"n","type":"symlink","link":"d"}
X
for query in noOverwriteDirNonDir=1 noOverwriteDirNonDir=true noOverwriteDirNonDir=0 ""; do for f in clash1 clash2 same; do echo "$f $query"; put c1 /a $f.tar $query >out; grep -o '[0-9]*$' out; done; done
get c1 /a`,
  ),
  ...both(
    "owners are the archive's, or with -a the container's user's",
    'echo u:x:41:42::/:/bin/sh >>/etc/passwd; mkdir /plain /a',
    `pack t.tar <<X
{"name":"f","data":"1","owner":[1234,2345]}
{"name":"d/","type":"dir","owner":[3000000,4]}
{"name":"l","type":"symlink","link":"f","owner":[7,8]}
X
put c1 /plain t.tar; put c1 /a t.tar copyUIDGID=1; get c1 /plain /a
docker create -q --name c2 -u 33 busybox >/dev/null; put c2 /tmp t.tar; get c2 /tmp; put c2 /home t.tar copyUIDGID=true; get c2 /home`,
  ),
  ...both(
    'hostile and odd members stay within the container',
    'mkdir -p /t /safe',
    `try() { pack t.tar; put c1 /t t.tar | grep -o '[0-9]*$'; }
try <<X
{"name":"../../escaped","data":"1"}
X
try <<X
{"name":"a/../inside","data":"1"}
X
try <<X
{"name":"/absolute","data":"1"}
X
try <<X
{"name":"hard","type":"hardlink","link":"../etc/passwd"}
X
try <<X
{"name":"hard","type":"hardlink","link":"missing"}
X
try <<X
{"name":"s1","type":"symlink","link":"s2"}
{"name":"s2/","type":"dir"}
{"name":"s1/x","data":"1"}
X
try <<X
{"name":"abs","type":"symlink","link":"/safe"}
{"name":"abs/x","data":"1"}
X
try <<X
{"name":"null","type":"char","device":[1,3]}
{"name":"disk","type":"block","device":[8,0]}
{"name":"pipe","type":"fifo"}
X
try <<X
{"name":"dup","data":"1"}
{"name":"dup","data":"22"}
{"name":"dup/","type":"dir"}
{"name":"dup/x","data":"3"}
X
try <<X
{"name":"0123456789/","times":30,"end":"end","data":"1"}
X
try <<X
{"name":".wh.file","data":"1"}
X
try <<X
{"name":"no/parents/here","data":"1"}
X
try <<X
{"name":"./","type":"dir","mode":448,"owner":[5,6]}
{"name":"./after","data":"1"}
X
get c1 /t /safe | grep -v "0123456789/$"`,
  ),
  'volumes and bind mounts are seen, read-only ones and roots are not written': `
mkdir bind; printf 1 >bind/b; docker volume create vv >/dev/null; tar -c -C / etc/hostname >t.tar
for start in 'run c1' 'docker create -q --name c2'; do
  c=\${start##* }; [ $c = c1 ] && last= || last='busybox true'
  $start -v vv:/vol -v $PWD/bind:/bind -v $PWD/bind:/ro:ro --read-only $last >/dev/null
  put $c /vol t.tar; put $c /bind t.tar; put $c /ro t.tar; put $c / t.tar; put $c /home t.tar; put $c /vol/../home t.tar; put $c /none t.tar
  get $c /vol /bind /ro /bind/b; look $c /ro/b
  docker cp -q bind/b $c:/vol/copied; docker cp -q bind/b $c:/bind/copied; docker cp -q bind/b $c:/ro/copied; docker cp -q bind/b $c:/copied; docker cp -q bind/b $c:/ro
done
found bind`,
  'what is mounted in place of a file is read, and cannot be replaced': `
run c1 --hostname name; printf 22 >bound; docker run -d --name c2 -v $PWD/bound:/file busybox sleep 100000 >/dev/null
docker cp c1:/etc/hostname - | tar -xO; docker cp c2:/file - | tar -xO; echo
for to in c1:/etc/hosts c2:/file; do docker cp -q bound $to 2>&1 | grep -o 'device or resource busy'; done
docker stop -t 0 c1 >/dev/null; docker cp c1:/etc/hostname - | tar -xO; get c1 /etc | wc -l`,
  'a paused container is read and written': `
run c1; inside c1 'mkdir /d; printf 1 >/d/a'; docker pause c1 >/dev/null
get c1 /d; tar -c -C / --mtime=@1000000000 etc/hostname >t.tar; put c1 /d t.tar; get c1 /d/etc; docker export c1 | members | grep -c etc/passwd; docker diff c1 | sort; docker unpause c1`,
  ...both(
    'an export has the root filesystem alone',
    'rm -r /bin/[a-r]* /bin/t*; mkdir -p /a/b; printf 1 >/a/f; ln /a/f /a/hard; ln -s f /a/l; mkfifo /a/p; mknod /a/n c 1 3; chown 5:6 /a/f; chmod 4711 /a/f',
    `docker export c1 | members | LC_ALL=C sort -k4; docker export -o out c1; members <out | wc -l; docker export none`,
  ),
  'an export has mount points, not what is mounted': `
mkdir bind; printf 1 >bind/b; docker run -d --name c1 -v vv:/vol -v $PWD/bind:/bind --tmpfs /mem busybox sh -c 'rm -r /bin/[a-r]*; touch /vol/x /mem/y; sleep 100000' >/dev/null; sleep 0.5
docker export c1 | members | LC_ALL=C sort -k4; docker kill c1 >/dev/null; docker export c1 | members | LC_ALL=C sort -k4`,
  'a container that never ran has changed nothing': `
docker create -q --name c1 busybox true >/dev/null; docker diff c1; ask http://d/v1.41/containers/c1/changes; docker run --name c2 busybox true; docker diff c2; docker diff none`,
  ...both(
    'changes are told as dockerd tells them',
    'echo x >>/etc/passwd; rm /etc/group; mkdir -p /new/deep; : >/new/deep/f; rm -r /usr; mkdir /usr; : >/usr/x; rm -r /home; chmod 700 /root; touch /tmp/t; mkdir /bin.new; mv /bin.new /bin/sub; ln -s a /link; mkfifo /p; rm /bin/vi; mkdir /bin/vi; : >/bin/vi/x; touch -c /bin/wc; cp /etc/passwd /etc/shadow; mv /etc/shadow /etc/passwd2; rm -r /var; : >/var',
    'docker diff c1 | LC_ALL=C sort -k2',
  ),
  'a directory that is replaced has lost what it had': `
docker create -q --name c0 busybox true >/dev/null; mkdir -p src/a/b src/c; printf 1 >src/a/f; printf 1 >src/a/b/g; printf 1 >src/c/h; touch -d @1000000000 src/a/f; docker cp -q src c0:/src; docker commit c0 base >/dev/null
docker run --name c1 base sh -c 'rm -r /src; mkdir -p /src/a/n; printf 1 >/src/a/f; : >/src/new'; docker diff c1 | LC_ALL=C sort -k2
docker commit c1 child >/dev/null; docker run --rm child find /src | LC_ALL=C sort`,
  'what is mounted into a container is no change, its mount points are': `
mkdir bind; docker run --name c1 -v vv:/vol -v $PWD/bind:/in/bind --tmpfs /mem --hostname h busybox sh -c 'touch /vol/x /in/bind/y /mem/z /dev/shm/q; echo x >>/etc/hosts'; docker diff c1 | sort -k2`,
  'mount points that an image lacks are no change, what is put there is': `
docker create -q --name c0 busybox >/dev/null; docker cp c0:/bin/busybox - | docker import - tiny >/dev/null; printf 1 >file
docker run --name c1 tiny /busybox rm /.dockerenv /etc/mtab; docker cp -q file c1:/etc/x; docker cp -q file c1:/dev/y; docker diff c1 | sort -k2
docker run --name c2 tiny /busybox true; docker diff c2; docker export c2 | members; docker commit c1 img >/dev/null
docker run --name c3 img /busybox ls -a /; docker diff c3; docker export c3 | members`,
  ...both(
    'a commit has what was changed, and whiteouts for what was removed',
    'echo x:x:8:8::/: >>/etc/passwd; rm /etc/group; mkdir -p /new/deep; printf 1 >/new/f; ln /new/f /new/hard; ln -s f /new/l; mkfifo /new/p; mknod /new/n c 1 3; chown 5:6 /new/f; chmod 4711 /new/f; rm -r /home; rm -r /usr; mkdir /usr; : >/usr/x; touch /tmp/.wh.x',
    `docker commit c1 img:1 >/dev/null; docker save img:1 >saved; docker run --rm img:1 sh -c 'find /new /usr /etc /home -exec stat -c "%A %u:%g %n" {} + 2>/dev/null | LC_ALL=C sort -k3'
docker history --no-trunc --format '{{.CreatedBy}} {{.Comment}}' img:1 | head -n 1`,
  ),
  "a commit has the container's configuration, with changes": `
docker create -q --name c1 -u 5 -w /w -e A=1 -v /anon --label l=m --expose 80 --entrypoint echo --stop-signal INT --health-cmd 'exit 0' busybox hi there >/dev/null
show_image() { docker image inspect img -f '{{with .Config}}{{.User}} {{.WorkingDir}} {{json .Env}} {{json .Cmd}} {{json .Entrypoint}} {{json .Labels}} {{json .ExposedPorts}} {{json .Volumes}} {{.StopSignal}} {{json .Healthcheck}} {{json .OnBuild}}{{end}} {{.Author}} {{.Comment}} {{.Os}} {{.Architecture}}'; docker history --no-trunc --format '{{.CreatedBy}} {{.Comment}}' img | head -n 1; }
docker commit c1 img >/dev/null; show_image
docker commit -a 'Me <m@x>' -m words c1 img >/dev/null; show_image
docker commit -c 'CMD ["a","b"]' -c 'ENV B=2 A=3' -c 'LABEL x=y l=z' -c 'EXPOSE 81 82/udp' -c 'USER 7' -c 'WORKDIR sub' -c 'VOLUME /v' -c 'ONBUILD RUN x' c1 img >/dev/null; show_image
docker commit -c 'ENTRYPOINT ["e"]' c1 img >/dev/null; show_image
docker commit -c 'ENTRYPOINT ["e"]' -c 'CMD ["c"]' c1 img >/dev/null; show_image
docker commit -c 'CMD shell form' c1 img >/dev/null; show_image
ask -X POST -H 'Content-Type: application/json' -d '{"Cmd":["body"],"Env":["B=1"]}' 'http://d/v1.41/commit?container=c1&repo=img' >/dev/null; show_image`,
  'a commit that cannot be is refused': `
docker create -q --name c1 busybox true >/dev/null
docker commit c1 BAD:x; docker commit -c 'FROM x' c1; docker commit -c 'RUN x' c1; docker commit -c 'NONSENSE' c1; docker commit none x; docker images -q | sort -u | wc -l`,
  'a commit pauses a container that runs, unless it is not to': `
run c1; start=$(date +%s.%N); docker commit c1 img:1 >/dev/null; docker commit -p=false -m words c1 >/dev/null; docker pause c1 >/dev/null; docker commit c1 >/dev/null; docker inspect -f '{{.State.Status}}' c1; docker unpause c1 >/dev/null
sleep 0.1; docker events --since $start --until $(date +%s.%N) --filter container=c1 --format '{{.Action}} {{.Actor.Attributes.imageRef}} {{.Actor.Attributes.comment}}'`,
  'files have events': `
run c1; printf 1 >f; start=$(date +%s.%N); docker cp -q f c1:/f; docker cp -q c1:/f - >/dev/null; docker export c1 >/dev/null; look c1 /f; docker diff c1 >/dev/null; sleep 0.1
docker events --since $start --until $(date +%s.%N) --format '{{.Type}} {{.Action}} {{json .Actor.Attributes}}'`,
  'sizes are those of the files': `
docker create -q --name c1 busybox true >/dev/null; head -c 1234567 /dev/zero >f; docker cp -q f c1:/f; docker ps -as --format '{{.Size}}' | sed 's/ (.*//'`,
};
