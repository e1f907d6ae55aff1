import type { BuildCases } from '../case.ts';

const pack = 'tar --mtime=@0 --owner=12 --group=34 --numeric-owner --sort=name';
const files = { 't/a': '1', 't/d/b': { text: '22', mode: 0o4750 }, 't/l': { link: 'a' } } as const;

export const addCases: BuildCases = {
  'ADD of a file': { dockerfile: 'FROM busybox\nADD f /x\nADD f /d/\n', files: { f: '1' } },
  'ADD of a directory': { dockerfile: 'FROM busybox\nADD t /x\n', files },
  'ADD unpacks an archive': {
    dockerfile: 'FROM busybox\nADD a.tar /x/\n',
    files,
    prepare: `${pack} -C t -cf a.tar .`,
  },
  'ADD unpacks an archive to a new name as a directory': {
    dockerfile: 'FROM busybox\nADD a.tar /x\n',
    files,
    prepare: `${pack} -C t -cf a.tar .`,
  },
  'ADD unpacks an archive over what is there': {
    dockerfile:
      'FROM busybox\nRUN mkdir -p /x/d && echo old >/x/a && echo kept >/x/kept && ln -s d /x/l\nADD a.tar /x\n',
    files,
    prepare: `${pack} -C t -cf a.tar .`,
  },
  'ADD unpacks gzip': {
    dockerfile: 'FROM busybox\nADD a.tar.gz /x/\n',
    files,
    prepare: `${pack} -C t -czf a.tar.gz a d l`,
  },
  'ADD unpacks bzip2': {
    dockerfile: 'FROM busybox\nADD a.tar.bz2 /x/\n',
    files,
    prepare: `${pack} -C t -cjf a.tar.bz2 a d l`,
  },
  'ADD unpacks xz': {
    dockerfile: 'FROM busybox\nADD a.tar.xz /x/\n',
    files,
    prepare: `${pack} -C t -cJf a.tar.xz a d l`,
  },
  'ADD unpacks zstd': {
    dockerfile: 'FROM busybox\nADD a.tar.zst /x/\n',
    files,
    prepare: `${pack} -C t --zstd -cf a.tar.zst a d l`,
  },
  'ADD knows archives by their content': {
    dockerfile: 'FROM busybox\nADD picture.png no.tar /x/\n',
    files: { ...files, 'no.tar': 'not an archive' },
    prepare: `${pack} -C t -cf picture.png a`,
  },
  'ADD leaves a compressed file that is no archive': {
    dockerfile: 'FROM busybox\nADD f.gz /x/\n',
    files: { f: '1' },
    prepare: 'gzip -n f',
  },
  'ADD unpacks nothing of a directory': {
    dockerfile: 'FROM busybox\nADD t /x/\n',
    files,
    prepare: `${pack} -C t -cf t/a.tar a`,
  },
  'ADD unpacks what a star finds': {
    dockerfile: 'FROM busybox\nADD *.tar /x/\n',
    files,
    prepare: `${pack} -C t -cf one.tar a; ${pack} -C t -cf two.tar d`,
  },
  'ADD gives the files of an archive an owner': {
    dockerfile: 'FROM busybox\nADD --chown=www-data:audio a.tar /x/\n',
    files,
    prepare: `${pack} -C t -cf a.tar a d l`,
  },
  'ADD gives the files of an archive a mode': {
    dockerfile: 'FROM busybox\nADD --chmod=711 a.tar /x/\n',
    files,
    prepare: `${pack} -C t -cf a.tar a d l`,
    only: 'buildkit',
  },
  'ADD unpacks hard links and special files': {
    dockerfile: 'FROM busybox\nADD a.tar /x/\n',
    files,
    prepare: `mkfifo t/p; ln t/a t/h; ${pack} -C t -cf a.tar a h p`,
  },
  'ADD keeps an archive within': {
    dockerfile: 'FROM busybox\nADD a.tar /x/\n',
    files: { 'in/f': '1' },
    prepare: `${pack} -C in -P --transform 's,^f$,../../up,' -cf a.tar f`,
  },
  'ADD keeps what is behind links of an archive within': {
    dockerfile: 'FROM busybox\nADD a.tar /x/\n',
    prepare: `mkdir one two two/l; ln -s /etc one/l; echo 1 >two/l/f; ${pack} -C one -cf a.tar l; ${pack} -C ../two -rf a.tar l/f 2>/dev/null || (cd two && ${pack} -rf ../a.tar l/f)`,
  },
  'ADD refuses an archive that ends too early': {
    dockerfile: 'FROM busybox\nADD a.tar.gz /x/\n',
    prepare: `seq 1 100000 >f; ${pack} -cf - f | gzip -n | head -c 20000 >a.tar.gz; rm f`,
  },
  'ADD has no --from': { dockerfile: 'FROM busybox\nADD --from=busybox a /x\n', files: { a: '1' } },
  'ADD can leave an archive packed': {
    dockerfile: 'FROM busybox\nADD --unpack=false a.tar /x/\n',
    files,
    prepare: `${pack} -C t -cf a.tar a d l`,
    only: 'buildkit',
  },
  'ADD --link unpacks': {
    dockerfile: 'FROM busybox\nADD --link a.tar /x/\n',
    files,
    prepare: `${pack} -C t -cf a.tar a d l`,
    only: 'buildkit',
  },
  'ADD --exclude leaves out': { dockerfile: 'FROM busybox\nADD --exclude=d t /x\n', files, only: 'buildkit' },
  'ADD of a checksum of a file is refused': {
    dockerfile: `FROM busybox\nADD --checksum=sha256:${'0'.repeat(64)} t/a /x\n`,
    files,
    only: 'buildkit',
  },
};
