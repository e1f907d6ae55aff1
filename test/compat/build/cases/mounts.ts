import type { BuildCase, BuildCases } from '../case.ts';

const files = { 'd/a': '1', 'd/sub/b': '22', f: 'file' };

function lines(...instructions: string[]): BuildCase {
  return { dockerfile: `FROM busybox\n${instructions.join('\n')}\n`, files, only: 'buildkit' };
}

/** RUN --mount of every type. */
export const mountCases: BuildCases = {
  'a bind of the context': lines('RUN --mount=target=/m ls -R /m >/out; cat /m/d/a >>/out'),
  'a bind of a directory of the context': lines('RUN --mount=type=bind,source=d,target=/m ls /m >/out'),
  'a bind of a file': lines('RUN --mount=type=bind,src=f,dst=/m cat /m >/out'),
  'a bind of what is not there': lines('RUN --mount=type=bind,source=none,target=/m true'),
  'a bind can only be read': lines('RUN --mount=type=bind,source=d,target=/m touch /m/x'),
  'a bind forgets what was written': lines(
    'RUN --mount=type=bind,source=d,target=/m,rw echo new >/m/a && cat /m/a >/out',
    'RUN --mount=type=bind,source=d,destination=/m cat /m/a >/out2',
  ),
  'a bind of a stage': {
    ...lines(),
    dockerfile:
      'FROM busybox AS one\nRUN mkdir /d && echo 1 >/d/a && chown 5:6 /d/a\nFROM busybox\nRUN --mount=from=one,source=/d,target=/m stat -c %u:%g /m/a >/out\n',
  },
  'a bind of a whole image': lines('RUN --mount=from=busybox,target=/m ls /m/etc >/out'),
  'a bind over what is there': lines(
    'RUN mkdir /m && echo under >/m/under',
    'RUN --mount=source=d,target=/m ls /m >/out',
    'RUN ls /m >/out2',
  ),
  'a bind to a relative place': lines('WORKDIR /w', 'RUN --mount=source=d,target=m ls m >/out'),
  'a bind leaves no mount point': lines('RUN --mount=source=d,target=/no/such/m true'),
  'a bind leaves a mount point that was there': lines(
    'RUN mkdir -m 700 /m',
    'RUN --mount=source=d,target=/m true',
  ),
  'a bind to the root is refused': lines('RUN --mount=source=d,target=/ true'),
  'a bind without a target is refused': lines('RUN --mount=type=bind,source=d true'),
  'a bind of a source that climbs': lines('RUN --mount=source=../../f,target=/m cat /m >/out'),
  'mounts within mounts': lines(
    'RUN --mount=source=d,target=/m,rw --mount=type=tmpfs,target=/m/sub touch /m/sub/x && ls /m/sub >/out',
  ),
  'a cache keeps what is written': lines(
    'RUN --mount=type=cache,target=/c,id=corpus-kept echo 1 >/c/a',
    'RUN --mount=type=cache,target=/other,id=corpus-kept cat /other/a >/out',
  ),
  'a cache is named by its target': lines(
    'RUN --mount=type=cache,target=/corpus/c echo 1 >/corpus/c/a',
    'RUN --mount=type=cache,target=/corpus/./c/ cat /corpus/c/a >/out',
  ),
  'a cache has a mode and an owner': lines(
    'RUN --mount=type=cache,target=/c,id=corpus-owned,mode=0750,uid=5,gid=6 stat -c "%a %u:%g" /c >/out',
  ),
  'a cache is 0755 and of root': lines(
    'RUN --mount=type=cache,target=/c,id=corpus-plain stat -c "%a %u:%g" /c >/out',
  ),
  'a cache begins as a stage': {
    ...lines(),
    dockerfile:
      'FROM busybox AS one\nRUN mkdir /d && echo 1 >/d/a\nFROM busybox\nRUN --mount=type=cache,id=corpus-from,from=one,source=/d,target=/c cat /c/a >/out\n',
  },
  'a cache can only be read where that is asked for': lines(
    'RUN --mount=type=cache,target=/c,id=corpus-ro,ro touch /c/x',
  ),
  'a cache of a sharing that nobody knows': lines('RUN --mount=type=cache,target=/c,sharing=mine true'),
  'a cache leaves nothing in the image': lines(
    'RUN --mount=type=cache,target=/made/c,id=corpus-none echo 1 >/made/c/x; echo 2 >/made/y',
  ),
  'a tmpfs': lines(
    'RUN --mount=type=tmpfs,target=/t echo 1 >/t/x && awk \'$2 == "/t" { print $3 }\' /proc/mounts >/out',
  ),
  'a tmpfs of a size': lines(
    'RUN --mount=type=tmpfs,target=/t,size=1m df -k /t | awk "NR == 2 { print \\$2 }" >/out',
  ),
  'a secret': {
    ...lines(
      'RUN --mount=type=secret,id=s cat /run/secrets/s >/out && stat -c "%a %u:%g" /run/secrets/s >>/out',
    ),
    options: ['--secret', 'id=s,src=<context>/f'],
  },
  'a secret at a place': {
    ...lines(
      'RUN --mount=type=secret,id=s,target=/etc/s,mode=0440,uid=5,gid=6 stat -c "%a %u:%g" /etc/s >/out',
    ),
    options: ['--secret', 'id=s,src=<context>/f'],
  },
  'a secret as a variable': {
    ...lines(
      'RUN --mount=type=secret,id=s,env=S echo "$S" >/out; ls /run/secrets >>/out 2>&1; true',
      'RUN echo "x$S" >/out2',
    ),
    options: ['--secret', 'id=s,env=CORPUS_SECRET'],
    environment: { CORPUS_SECRET: 'whispered' },
  },
  'a secret as a variable and a file': {
    ...lines('RUN --mount=type=secret,id=s,env=S,target=/s echo "$S" >/out; cat /s >>/out'),
    options: ['--secret', 'id=s,src=<context>/f'],
  },
  'a secret that is not given is not there': lines(
    'RUN --mount=type=secret,id=none test ! -e /run/secrets/none',
  ),
  'a secret that is required must be given': lines('RUN --mount=type=secret,id=none,required true'),
  'a secret is named by its target': {
    ...lines('RUN --mount=type=secret,target=/etc/s cat /etc/s >/out'),
    options: ['--secret', 'id=s,src=<context>/f'],
  },
  'a secret needs a name': lines('RUN --mount=type=secret true'),
  'an agent that is not given is not there': lines('RUN --mount=type=ssh test -z "$SSH_AUTH_SOCK"'),
  'an agent that is required must be given': lines('RUN --mount=type=ssh,required true'),
  'a type that nobody knows': lines('RUN --mount=type=other,target=/m true'),
  'a key that nobody knows': lines('RUN --mount=type=bind,target=/m,color=red true'),
  'a key that needs a value': lines('RUN --mount=type=bind,target true'),
  'a mode is not for binds': lines('RUN --mount=type=bind,target=/m,mode=0700 true'),
  'a size is not for caches': lines('RUN --mount=type=cache,target=/m,size=1m true'),
  'a truth that is none': lines('RUN --mount=type=bind,target=/m,ro=maybe true'),
  'a number that is none': lines('RUN --mount=type=cache,target=/m,uid=me true'),
  'keys are of any case': lines('RUN --mount=Type=bind,Source=d,TARGET=/m,ReadOnly ls /m >/out'),
  'values are expanded': lines(
    'ARG where=/m what=d',
    'RUN --mount=type=bind,source=$what,target=${where} ls /m >/out',
  ),
  'a variable in from is refused': lines('ARG s=busybox', 'RUN --mount=from=$s,target=/m true'),
  'the classic builder knows no mounts': { ...lines('RUN --mount=target=/m true'), only: 'classic' },
};
