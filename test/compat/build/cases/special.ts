import type { BuildCase, BuildCases } from '../case.ts';

function lines(...instructions: string[]): BuildCase {
  return { dockerfile: `FROM busybox\n${instructions.join('\n')}\n` };
}

const pack = 'tar --mtime=@0 --owner=0 --group=0 --numeric-owner --sort=name';
const withAttributes = `echo 1 >f; chmod 755 f; setcap cap_net_raw+ep f; setfattr -n user.colour -v red f; mkdir d; setfattr -n user.kind -v directory d; ${pack} --xattrs --xattrs-include='*' -cf a.tar f d; rm -r f d`;
const attributed = (...instructions: string[]): BuildCase => ({
  ...lines('ADD a.tar /x/', ...instructions),
  prepare: withAttributes,
});

/** What is no plain file, and what steps leave that change nothing. */
export const specialCases: BuildCases = {
  'RUN makes hard links': lines('RUN echo 1 >/a && ln /a /b && mkdir /d && ln /a /d/c'),
  'RUN links to a file below': lines('RUN ln /etc/passwd /p && ls -l /p | cut -c1-10 >/out'),
  'RUN changes one of two links': lines('RUN echo 1 >/a && ln /a /b', 'RUN echo 2 >>/a'),
  'RUN removes one of two links': lines('RUN echo 1 >/a && ln /a /b', 'RUN rm /a'),
  'RUN makes a file with holes': lines('RUN dd if=/dev/zero of=/s bs=1 count=1 seek=3000000 2>/dev/null'),
  'RUN makes devices and pipes': lines('RUN mknod /c c 1 3 && mknod -m 600 /b b 7 0 && mkfifo -m 622 /p'),
  'RUN sets special modes': lines(
    'RUN touch /u /g /s && chmod 4755 /u && chmod 2755 /g && chmod 1644 /s && mkdir -m 1777 /t && mkdir -m 2775 /h',
  ),
  'RUN loses a special mode with the owner': lines('RUN touch /u && chmod 4755 /u && chown 5:6 /u'),
  'RUN changes the mode of a file below': lines('RUN chmod 4711 /bin/sh'),
  'RUN changes the owner of a directory below': lines('RUN chown 5:6 /var && chmod 1700 /var'),
  'RUN replaces a file by a directory': lines('RUN echo 1 >/a', 'RUN rm /a && mkdir /a && echo 2 >/a/b'),
  'RUN replaces a directory by a link': lines(
    'RUN mkdir -p /a/b && echo 1 >/a/b/c',
    'RUN rm -r /a && ln -s /etc /a',
  ),
  'RUN makes long names': lines('RUN n=$(printf %0200d 0) && mkdir -p /$n/$n && echo 1 >/$n/$n/$n'),
  'RUN makes names of odd bytes': lines(
    `RUN echo 1 >"/a b" && echo 2 >'/"q"' && echo 3 >/$(printf 'tab\\there')`,
  ),
  'COPY --from of hard links': {
    dockerfile:
      'FROM busybox AS one\nRUN mkdir /d && echo 1 >/d/a && ln /d/a /d/b\nFROM busybox\nCOPY --from=one /d /d\n',
  },
  'COPY --from of devices and pipes': {
    dockerfile:
      'FROM busybox AS one\nRUN mkdir /d && mknod /d/c c 1 3 && mkfifo /d/p && echo 1 >/d/f\nFROM busybox\nCOPY --from=one /d /d\n',
  },
  'COPY --from of special modes': {
    dockerfile:
      'FROM busybox AS one\nRUN mkdir -m 1777 /d && touch /d/u && chmod 6755 /d/u\nFROM busybox\nCOPY --from=one /d /d\nCOPY --from=one --chown=5:6 /d /e\n',
  },
  'COPY --from of attributes': {
    dockerfile: 'FROM busybox AS one\nADD a.tar /x/\nFROM busybox\nCOPY --from=one /x /y\n',
    prepare: withAttributes,
  },
  'COPY --from of attributes to an owner': {
    dockerfile: 'FROM busybox AS one\nADD a.tar /x/\nFROM busybox\nCOPY --from=one --chown=5:6 /x /y\n',
    prepare: withAttributes,
  },
  'COPY of attributes': {
    ...lines('COPY f /x'),
    prepare: 'echo 1 >f; chmod 755 f; setcap cap_net_raw+ep f; setfattr -n user.colour -v red f',
  },
  'COPY of hard links': { ...lines('COPY d /d'), prepare: 'mkdir d; echo 1 >d/a; ln d/a d/b' },
  'COPY of a file with holes': { ...lines('COPY s /'), prepare: 'truncate -s 3000000 s' },
  'ADD unpacks attributes': attributed(),
  'ADD unpacks attributes with an owner': { ...lines('ADD --chown=5:6 a.tar /x/'), prepare: withAttributes },
  'RUN keeps attributes of what it moves': attributed('RUN mv /x/f /g && chmod 700 /x/d'),
  'RUN loses capabilities of what it writes': attributed('RUN echo 2 >>/x/f'),
  'ADD unpacks devices': {
    ...lines('ADD a.tar /x/'),
    prepare: `mknod c c 1 3; mknod b b 7 0; mkfifo p; ${pack} -cf a.tar c b p; rm c b p`,
  },
  'ADD unpacks a file with holes': {
    ...lines('ADD a.tar /x/'),
    prepare: `truncate -s 2000000 s; echo end >>s; ${pack} -Scf a.tar s; rm s`,
  },
  'ADD unpacks special modes': {
    ...lines('ADD a.tar /x/'),
    prepare: `touch u; chmod 6755 u; mkdir -m 1777 t; ${pack} -cf a.tar u t; rm -r u t`,
  },
  'ADD unpacks a file with holes in the pax format': {
    ...lines('ADD a.tar /x/'),
    prepare: `truncate -s 2000000 s; echo end >>s; ${pack} --format=pax -Scf a.tar s; rm s`,
  },
  'steps that change nothing': {
    ...lines(
      'RUN true',
      'COPY a /a',
      'COPY a /a',
      'RUN rm -f /none',
      'RUN mkdir -p /etc',
      'WORKDIR /etc',
      'WORKDIR /etc',
    ),
    files: { a: '1' },
  },
  'a step that writes the same again': lines('RUN echo 1 >/a', 'RUN echo 1 >/a', 'RUN chmod 644 /a'),
  'a step that undoes what it did': lines('RUN echo 1 >/a && rm /a', 'RUN mkdir /d && rmdir /d'),
  '--link through a link': {
    ...lines('RUN mkdir /real && ln -s /real /link', 'COPY --link a /link/'),
    files: { a: '1' },
    only: 'buildkit',
  },
  '--link over a file': {
    ...lines('RUN echo old >/x', 'COPY --link a /x'),
    files: { a: '1' },
    only: 'buildkit',
  },
  '--link over a link': {
    ...lines('RUN echo old >/real && ln -s /real /x', 'COPY --link a /x'),
    files: { a: '1' },
    only: 'buildkit',
  },
  '--link with an owner and a mode': {
    ...lines('COPY --link --chown=5:6 --chmod=711 a /d/e/'),
    files: { a: '1' },
    only: 'buildkit',
  },
  'a time that stands for now': {
    ...lines('RUN echo 1 >/a', 'COPY f /f', 'ENV a=b'),
    files: { f: '1' },
    options: ['--build-arg', 'SOURCE_DATE_EPOCH=1000000000'],
    only: 'buildkit',
    isDated: true,
  },
  'a time that is none': {
    ...lines('RUN true'),
    options: ['--build-arg', 'SOURCE_DATE_EPOCH=yesterday'],
    only: 'buildkit',
  },
  'a secret of many lines': {
    ...lines('RUN --mount=type=secret,id=s md5sum </run/secrets/s >/out'),
    prepare: 'seq 1 60000 >s',
    options: ['--secret', 'id=s,src=<context>/s'],
    only: 'buildkit',
  },
  'mounts of all kinds at once': {
    ...lines(
      'RUN --mount=type=secret,id=s --mount=type=cache,id=corpus-all,target=/c --mount=type=tmpfs,target=/t --mount=target=/m,source=d --mount=from=busybox,target=/i,source=/etc cat /run/secrets/s /m/a >/out && touch /c/x /t/x && ls /i >>/out',
    ),
    files: { 'd/a': '1', s: 'secret' },
    options: ['--secret', 'id=s,src=<context>/s'],
    only: 'buildkit',
  },
};
