import type { BuildCases } from '../case.ts';

const tree = {
  'd/a': '1',
  'd/b.txt': '22',
  'd/sub/c.txt': '333',
  'd/sub/deep/e': '4444',
  'd/empty/': '',
  'd/link': { link: 'a' },
  'd/dirlink': { link: 'sub' },
  f: 'file',
};

/** Sources, destinations, links, modes and owners of COPY. */
export const copyCases: BuildCases = {
  'a file to a new name': { dockerfile: 'FROM busybox\nCOPY f /new\n', files: tree },
  'a file to a new directory': { dockerfile: 'FROM busybox\nCOPY f /new/\n', files: tree },
  'a file to a directory that is there': {
    dockerfile: 'FROM busybox\nCOPY f /etc\nCOPY f /tmp/\n',
    files: tree,
  },
  'a file over a file': {
    dockerfile: 'FROM busybox\nRUN echo old >/x && chmod 700 /x && chown 5 /x\nCOPY f /x\n',
    files: tree,
  },
  'a file below directories that are not there': {
    dockerfile: 'FROM busybox\nCOPY f /no/such/place\n',
    files: tree,
  },
  'a file to the working directory': {
    dockerfile: 'FROM busybox\nWORKDIR /w\nCOPY f .\nCOPY f ./g\nCOPY f h/\n',
    files: tree,
  },
  'a file to a relative place without a working directory': {
    dockerfile: 'FROM busybox\nCOPY f x\nCOPY f y/\n',
    files: tree,
  },
  'a file to a place that climbs': {
    dockerfile: 'FROM busybox\nWORKDIR /w/x\nCOPY f ../../../up\nCOPY f /a/../b\n',
    files: tree,
  },
  'a directory is its content': { dockerfile: 'FROM busybox\nCOPY d /new\n', files: tree },
  'a directory with a slash is its content too': { dockerfile: 'FROM busybox\nCOPY d/ /new/\n', files: tree },
  'a directory onto one that is there': {
    dockerfile:
      'FROM busybox\nRUN mkdir -p -m 700 /x/sub && echo old >/x/a && echo kept >/x/kept && chown -R 5:6 /x\nCOPY d /x\n',
    files: tree,
  },
  'a directory over a file is refused': {
    dockerfile: 'FROM busybox\nRUN echo 1 >/x\nCOPY d /x\n',
    files: tree,
  },
  'a directory within over a file is refused': {
    dockerfile: 'FROM busybox\nRUN mkdir /x && echo 1 >/x/sub\nCOPY d /x\n',
    files: tree,
  },
  'a file over a directory within is refused': {
    dockerfile: 'FROM busybox\nRUN mkdir -p /x/a\nCOPY d /x\n',
    files: tree,
  },
  'an empty directory': { dockerfile: 'FROM busybox\nCOPY d/empty /new\n', files: tree },
  'everything there is': { dockerfile: 'FROM busybox\nCOPY . /all\n', files: tree },
  'several sources': { dockerfile: 'FROM busybox\nCOPY f d/a d/sub /x/\n', files: tree },
  'several sources need a directory with the classic builder': {
    dockerfile: 'FROM busybox\nCOPY f d/a /x\n',
    files: tree,
  },
  'a source within a directory': {
    dockerfile: 'FROM busybox\nCOPY d/sub/c.txt d/sub/deep /x/\n',
    files: tree,
  },
  'a source from the root of the context': { dockerfile: 'FROM busybox\nCOPY /f /d/a /x/\n', files: tree },
  'a source that climbs out is kept in': {
    dockerfile: 'FROM busybox\nCOPY ../f ../../d/a /x/\n',
    files: tree,
  },
  'a source in a roundabout way': { dockerfile: 'FROM busybox\nCOPY ./d/../f d/./a /x/\n', files: tree },
  'a source that is not there': { dockerfile: 'FROM busybox\nCOPY none /x\n', files: tree },
  'a source that is not there within': { dockerfile: 'FROM busybox\nCOPY d/none/x /x\n', files: tree },
  'a source below a file': { dockerfile: 'FROM busybox\nCOPY f/x /x\n', files: tree },
  'a link alone is followed': { dockerfile: 'FROM busybox\nCOPY d/link /x\n', files: tree },
  'a link to a directory is followed': { dockerfile: 'FROM busybox\nCOPY d/dirlink /x\n', files: tree },
  'a source through a link': { dockerfile: 'FROM busybox\nCOPY d/dirlink/c.txt /x\n', files: tree },
  'a link out of the context is kept in': {
    dockerfile: 'FROM busybox\nCOPY out /x\n',
    files: { out: { link: '../../../../../etc/passwd' }, 'etc/passwd': 'mine' },
  },
  'links within a directory stay links': {
    dockerfile: 'FROM busybox\nCOPY d /x\n',
    files: { 'd/up': { link: '../../f' }, 'd/abs': { link: '/etc/passwd' }, 'd/broken': { link: 'none' } },
  },
  'a broken link alone is not there': {
    dockerfile: 'FROM busybox\nCOPY broken /x\n',
    files: { broken: { link: 'none' } },
  },
  'links in a circle are not there': {
    dockerfile: 'FROM busybox\nCOPY a /x\n',
    files: { a: { link: 'b' }, b: { link: 'a' } },
  },
  'a destination behind a link': {
    dockerfile:
      'FROM busybox\nRUN mkdir /real && ln -s /real /link && ln -s real/f /flink\nCOPY f /link/\nCOPY d /link/sub\n',
    files: tree,
  },
  'a destination that is a link to a file': {
    dockerfile: 'FROM busybox\nRUN echo old >/real && ln -s real /link\nCOPY f /link\n',
    files: tree,
  },
  'a destination that is a link to a directory': {
    dockerfile: 'FROM busybox\nRUN mkdir /real && ln -s real /link\nCOPY d /link\nCOPY f /link\n',
    files: tree,
  },
  'a destination behind a link to nowhere': {
    dockerfile: 'FROM busybox\nRUN ln -s /nowhere /link\nCOPY f /link/x\n',
    files: tree,
  },
  'a destination behind a link that climbs': {
    dockerfile: 'FROM busybox\nRUN mkdir /real && ln -s ../../../../real /link\nCOPY f /link/x\n',
    files: tree,
  },
  'a directory over a link within': {
    dockerfile: 'FROM busybox\nRUN mkdir /x /real && ln -s /real /x/sub\nCOPY d /x\n',
    files: tree,
  },
  'a link over a file and a directory': {
    dockerfile: 'FROM busybox\nRUN mkdir /x && echo 1 >/x/link\nCOPY d /x\n',
    files: tree,
  },
  'a star': { dockerfile: 'FROM busybox\nCOPY d/* /x/\n', files: tree },
  'a star with an end': { dockerfile: 'FROM busybox\nCOPY d/*.txt /x/\n', files: tree },
  'a star in the middle': { dockerfile: 'FROM busybox\nCOPY d/*/*.txt /x/\n', files: tree },
  'a star for one file is a directory still': { dockerfile: 'FROM busybox\nCOPY d/b* /x\n', files: tree },
  'a star for one directory': { dockerfile: 'FROM busybox\nCOPY d/em* /x\n', files: tree },
  'a question mark and a set': {
    dockerfile: 'FROM busybox\nCOPY a? b[1-2] c[^1] /x/\n',
    files: { a1: '1', a22: '2', b1: '1', b3: '3', c1: '1', c2: '2' },
  },
  'a star finds hidden files': {
    dockerfile: 'FROM busybox\nCOPY * /x/\n',
    files: { '.hidden': '1', seen: '2' },
  },
  'a star that finds nothing': { dockerfile: 'FROM busybox\nCOPY none* /x/\n', files: tree },
  'a star that finds nothing beside a file': { dockerfile: 'FROM busybox\nCOPY none* f /x/\n', files: tree },
  'an escaped star': {
    dockerfile: 'FROM busybox\nCOPY a\\\\* /x/\n',
    files: { 'a*': 'star', ab: 'other' },
  },
  'a set that is escaped by itself': {
    dockerfile: 'FROM busybox\nCOPY arr[[]0].txt /x/\n',
    files: { 'arr[0].txt': '1', arr0: '2' },
  },
  'a pattern that is none': { dockerfile: 'FROM busybox\nCOPY a[ /x/\n', files: { 'a[': '1' } },
  'two stars are one': { dockerfile: 'FROM busybox\nCOPY d/**/c.txt /x/\n', files: tree },
  'paths with blanks in a list': {
    dockerfile: 'FROM busybox\nCOPY ["a b", "c", "/to here/"]\nCOPY "a b" /quoted\n',
    files: { 'a b': '1', c: '2' },
  },
  'modes of all kinds': {
    dockerfile: 'FROM busybox\nCOPY . /x/\n',
    files: {
      plain: { text: '1', mode: 0o600 },
      program: { text: '2', mode: 0o755 },
      setuid: { text: '3', mode: 0o4755 },
      'sticky/': { mode: 0o1777 },
      'closed/': { mode: 0o700 },
      'group/': { mode: 0o2750 },
    },
  },
  'the mode of a directory is that of its source': {
    dockerfile: 'FROM busybox\nCOPY closed /x\nRUN mkdir /y\nCOPY closed /y\n',
    files: { 'closed/': { mode: 0o700 }, 'closed/f': '1' },
  },
  'owners are root': {
    dockerfile: 'FROM busybox\nUSER www-data\nCOPY f /x\n',
    files: { f: '1' },
    prepare: 'chown 1234:5678 f',
  },
  'hard links': {
    dockerfile: 'FROM busybox\nCOPY . /x/\n',
    files: { a: '1' },
    prepare: 'ln a b; mkdir d; ln a d/c',
  },
  'a fifo': { dockerfile: 'FROM busybox\nCOPY . /x/\n', files: { a: '1' }, prepare: 'mkfifo p' },
  'extended attributes': {
    dockerfile: 'FROM busybox AS one\nCOPY f /x\nFROM busybox\nCOPY --from=one /x /y\n',
    files: { f: '1' },
    prepare: 'setfattr -n user.note -v kept f',
  },
  'a large file and a sparse one': {
    dockerfile: 'FROM busybox\nCOPY large sparse /x/\n',
    prepare: 'seq 1 300000 >large; truncate -s 5M sparse',
  },
  'an empty file': { dockerfile: 'FROM busybox\nCOPY empty /x\n', files: { empty: '' } },
  'a long path': {
    dockerfile: 'FROM busybox\nCOPY . /x/\n',
    files: { [`${'long-name-'.repeat(12)}/${'more-'.repeat(20)}/${'x'.repeat(200)}`]: '1' },
  },
  'COPY refuses a URL': { dockerfile: 'FROM busybox\nCOPY http://127.0.0.1:1/x /y\n' },
  'COPY refuses a repository': { dockerfile: 'FROM busybox\nCOPY https://127.0.0.1:1/x.git /y\n' },
  'COPY unpacks nothing': {
    dockerfile: 'FROM busybox\nCOPY a.tar /x/\n',
    files: { f: '1' },
    prepare: 'tar --mtime=@0 --owner=0 --group=0 -cf a.tar f; rm f',
  },
  'COPY leaves a layer even of what is there already': {
    dockerfile: 'FROM busybox\nCOPY f /x\nCOPY f /x\nRUN rm /x\nCOPY f /x\n',
    files: { f: '1' },
  },
};
