import type { BuildCases } from '../case.ts';

export const stageCases: BuildCases = {
  'a stage copies from a stage': {
    dockerfile:
      'FROM busybox AS one\nRUN echo 1 >/a && chmod 750 /a && chown 5:6 /a\nFROM busybox\nCOPY --from=one /a /b\n',
  },
  'a stage copies from a stage by its number': {
    dockerfile:
      'FROM busybox\nRUN echo 1 >/a\nFROM busybox\nRUN echo 2 >/a\nFROM busybox\nCOPY --from=0 /a /b\nCOPY --from=1 /a /c\n',
  },
  'names of stages are of any case': {
    dockerfile:
      'FROM busybox AS One\nRUN echo 1 >/a\nFROM busybox as two\nCOPY --from=ONE /a /b\nFROM tWo\nLABEL a=b\n',
  },
  'a stage begins where another ended': {
    dockerfile:
      'FROM busybox AS one\nENV a=1\nLABEL b=2\nUSER 5\nWORKDIR /w\nCMD ["c"]\nVOLUME /v\nRUN id -u >/tmp/out\nFROM one\nENV d=4\n',
  },
  'the target is a stage by its name': {
    dockerfile: 'FROM busybox AS one\nENV a=1\nFROM one AS two\nENV b=2\nFROM two\nRUN false\n',
    options: ['--target', 'Two'],
  },
  'the target is a stage by its number': {
    dockerfile: 'FROM busybox\nENV a=1\nFROM busybox\nENV b=2\nFROM busybox\nRUN false\n',
    options: ['--target', '1'],
  },
  'the target must be there': {
    dockerfile: 'FROM busybox AS one\nENV a=1\n',
    options: ['--target', 'none'],
  },
  'the target by number must be there': {
    dockerfile: 'FROM busybox\nENV a=1\n',
    options: ['--target', '7'],
  },
  'BuildKit leaves out stages that nobody needs': {
    dockerfile: 'FROM busybox AS broken\nRUN exit 3\nFROM busybox\nENV a=1\n',
  },
  'a stage begins with nothing': {
    dockerfile: 'FROM scratch\nCOPY a /\nENV b=1\n',
    files: { a: '1' },
  },
  'an image may consist of nothing': { dockerfile: 'FROM scratch\nCMD ["x"]\n' },
  'FROM scratch alone is no image for the classic builder': { dockerfile: 'FROM scratch\n' },
  'FROM alone gives the same image': { dockerfile: 'FROM busybox\n' },
  'of two stages of one name the last is meant': {
    dockerfile:
      'FROM busybox AS one\nRUN echo 1 >/a\nFROM busybox AS one\nRUN echo 2 >/a\nFROM busybox\nCOPY --from=one /a /b\n',
  },
  'names of stages have rules': { dockerfile: 'FROM busybox AS 1bad\n' },
  'names of stages have no signs': { dockerfile: 'FROM busybox AS a/b\n' },
  'FROM takes one or three words': { dockerfile: 'FROM busybox AS\n' },
  'FROM takes AS as its second word': { dockerfile: 'FROM busybox IS one\n' },
  'FROM needs a name that is one': { dockerfile: 'FROM Busy*Box\n' },
  'FROM takes a platform': { dockerfile: 'FROM --platform=linux/amd64 busybox\nENV a=1\n' },
  'FROM refuses a platform that is none': {
    dockerfile: 'FROM --platform=not/a/real/platform busybox\nENV a=1\n',
  },
  'COPY takes an image': {
    dockerfile: 'FROM busybox\nCOPY --from=other /a /b\n',
    before: { other: 'FROM busybox\nRUN echo 1 >/a && chown 7:8 /a\n' },
  },
  'COPY from a stage that is not there names an image': {
    dockerfile: 'FROM busybox\nCOPY --from=5 /a /b\n',
  },
  'COPY from the stage itself is refused': {
    dockerfile: 'FROM busybox AS one\nCOPY --from=one /bin/sh /b\n',
    only: 'buildkit',
  },
  'COPY from a later stage is no copy from that stage': {
    dockerfile: 'FROM busybox AS one\nCOPY --from=1 /a /b\nFROM busybox\nRUN echo 1 >/a\n',
    options: ['--target', 'one'],
  },
  'a stage copies directories, links and special files': {
    dockerfile:
      'FROM busybox AS one\nRUN mkdir -p /d/e && echo 1 >/d/f && ln -s f /d/l && ln -s /nowhere /d/m && mkfifo /d/p && ln /d/f /d/h && chmod 2711 /d/e\nFROM busybox\nCOPY --from=one /d /x\n',
  },
  'a stage copies from what a volume would hide': {
    dockerfile:
      'FROM busybox AS one\nRUN mkdir /v && echo 1 >/v/a\nVOLUME /v\nFROM busybox\nCOPY --from=one /v/a /b\n',
  },
  'stages are independent': {
    dockerfile:
      'FROM busybox AS a\nRUN echo a >/a\nFROM busybox AS b\nRUN echo b >/b\nFROM busybox AS c\nRUN echo c >/c\nFROM busybox\nCOPY --from=c /c /\nCOPY --from=a /a /\nCOPY --from=b /b /\n',
  },
  'a named context takes the place of an image': {
    dockerfile: 'FROM other\nCOPY --from=more x /y\nENV a=1\n',
    files: { 'ctx/x': '1', 'ctx/Dockerfile': 'none' },
    options: ['--build-context', 'other=docker-image://busybox', '--build-context', 'more=<context>/ctx'],
    only: 'buildkit',
  },
  'a named context takes the place of a stage': {
    dockerfile: 'FROM busybox AS one\nRUN exit 3\nFROM busybox\nCOPY --from=one x /y\n',
    files: { 'ctx/x': '1' },
    options: ['--build-context', 'one=<context>/ctx'],
    only: 'buildkit',
  },
  'a named context has its own ignore file': {
    dockerfile: 'FROM busybox\nCOPY --from=more . /y/\n',
    files: { 'ctx/x': '1', 'ctx/z': '2', 'ctx/.dockerignore': 'z\n' },
    options: ['--build-context', 'more=<context>/ctx'],
    only: 'buildkit',
  },
  'labels of the build come last': {
    dockerfile: 'FROM busybox AS one\nLABEL a=1 b=1\nFROM one\nLABEL a=2\n',
    options: ['--label', 'a=3', '--label', 'c=4', '--label', 'd'],
  },
};
