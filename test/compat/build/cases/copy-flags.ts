import type { BuildCase, BuildCases, ContextFile } from '../case.ts';

const files: Readonly<Record<string, ContextFile>> = {
  'd/a': { text: '1', mode: 0o640 },
  'd/b.txt': '22',
  'd/sub/c.txt': { text: '333', mode: 0o755 },
  'd/sub/e': '4444',
  'd/link': { link: 'a' },
  f: 'file',
};

function both(...instructions: string[]): BuildCase {
  return { dockerfile: `FROM busybox\n${instructions.join('\n')}\n`, files };
}

function buildkit(...instructions: string[]): BuildCase {
  return { ...both(...instructions), only: 'buildkit' };
}

export const copyFlagCases: BuildCases = {
  '--chown by numbers': both('COPY --chown=12:34 d /x'),
  '--chown by one number': both('COPY --chown=12 f /x'),
  '--chown by names': both('COPY --chown=www-data:audio f /x'),
  '--chown by a name alone': both('COPY --chown=www-data f /x'),
  '--chown by a name and a number': both('COPY --chown=www-data:7 f /x', 'COPY --chown=7:audio f /y'),
  '--chown by a group alone': both('COPY --chown=:audio f /x'),
  '--chown by a name that is not there': both('COPY --chown=nobody-here f /x'),
  '--chown by a group that is not there': both('COPY --chown=www-data:nobody-here f /x'),
  '--chown by a name without files of users': both(
    'RUN rm /etc/passwd /etc/group',
    'COPY --chown=www-data f /x',
  ),
  '--chown by numbers without files of users': both('RUN rm /etc/passwd /etc/group', 'COPY --chown=1:2 f /x'),
  '--chown by names of users made before': both(
    'RUN echo "new:x:77:78::/:/bin/sh" >>/etc/passwd && echo "newgroup:x:79:" >>/etc/group',
    'COPY --chown=new:newgroup f /x',
    'COPY --chown=new f /y',
  ),
  '--chown of what is made on the way': both(
    'COPY --chown=5:6 f /no/such/x',
    'COPY --chown=5:6 d /no/other/',
  ),
  '--chown of a directory that is there': both('RUN mkdir /x', 'COPY --chown=5:6 d /x'),
  '--chown of a copy from a stage': {
    dockerfile:
      'FROM busybox AS one\nRUN echo 1 >/a && chown 5:6 /a\nFROM busybox\nCOPY --from=one --chown=7:8 /a /b\nCOPY --from=one /a /c\n',
  },
  '--chown of a negative number': both('COPY --chown=-1:0 f /x'),
  '--chmod by numbers': buildkit('COPY --chmod=0741 d /x'),
  '--chmod with special bits': buildkit('COPY --chmod=6755 f /x', 'COPY --chmod=1777 d /y'),
  '--chmod by letters': buildkit(
    'COPY --chmod=u=rwX,go=rX d /x',
    'COPY --chmod=a+x,o-r f /y',
    'COPY --chmod=u+s,g-w,+t f /z',
  ),
  '--chmod that is none': buildkit('COPY --chmod=rwx f /x'),
  '--chmod that is too much': buildkit('COPY --chmod=17777 f /x'),
  '--chmod of what is made on the way': buildkit('COPY --chmod=700 f /no/such/x'),
  '--chmod with --chown': buildkit('COPY --chown=1:2 --chmod=4711 f /x'),
  'the classic builder knows no --chmod': { ...both('COPY --chmod=644 f /x'), only: 'classic' },
  '--link of a file': buildkit('COPY --link f /x/y'),
  '--link of a directory': buildkit('RUN mkdir -m 700 /x && chown 5 /x', 'COPY --link d /x/'),
  '--link does not follow links': buildkit('RUN mkdir /real && ln -s real /link', 'COPY --link f /link/x'),
  '--link over a file': buildkit('RUN echo old >/x', 'COPY --link f /x'),
  '--link in the working directory': buildkit('WORKDIR /w', 'COPY --link f .', 'COPY --link=true f sub/'),
  '--link with --chown': buildkit('COPY --link --chown=5:6 d /x/'),
  '--link with --chown by name': buildkit('COPY --link --chown=www-data:audio f /x'),
  '--link with --chmod': buildkit('COPY --link --chmod=700 f /x/y'),
  '--link=false is a plain copy': buildkit(
    'RUN mkdir /real && ln -s real /link',
    'COPY --link=false f /link/x',
  ),
  '--link from a stage': {
    dockerfile:
      'FROM busybox AS one\nRUN mkdir /d && echo 1 >/d/a && chown 5:6 /d/a\nFROM busybox\nCOPY --link --from=one /d /e/\n',
    only: 'buildkit',
  },
  '--link to scratch': { dockerfile: 'FROM scratch\nCOPY --link f /x/\n', files, only: 'buildkit' },
  '--exclude of a name': buildkit('COPY --exclude=a d /x'),
  '--exclude of patterns': buildkit('COPY --exclude=*.txt --exclude=link d /x'),
  '--exclude of a pattern at any depth': buildkit('COPY --exclude=**/*.txt d /x'),
  '--exclude with an exception': buildkit('COPY --exclude=**/*.txt --exclude=!sub/c.txt d /x'),
  '--exclude of a directory': buildkit('COPY --exclude=sub d /x'),
  '--exclude of everything': buildkit('COPY --exclude=* d /x'),
  '--exclude with a star as source': buildkit('COPY --exclude=*.txt d/* /x/'),
  'flags in quotes': buildkit('COPY "--chown=1:2" \'--chmod=700\' f /x'),
  '--from of nothing': both('COPY --from= f /x'),
};
