import type { BuildCases } from '../case.ts';

export const onbuildCases: BuildCases = {
  'ONBUILD is stored': {
    dockerfile: 'FROM busybox\nONBUILD RUN echo $a >/x\nONBUILD   copy . /y\nonbuild ENV a="b c"\n',
    files: { a: '1' },
  },
  'triggers come first in a child': {
    dockerfile: 'FROM triggers\nRUN cat /x >/z\n',
    files: { a: '1' },
    before: { triggers: 'FROM busybox\nONBUILD ENV v=1\nONBUILD RUN echo $v >/x\nONBUILD COPY a /y/\n' },
  },
  'triggers are over in a grandchild': {
    dockerfile: 'FROM child\nENV b=2\n',
    before: { triggers: 'FROM busybox\nONBUILD RUN echo x >>/x\n', child: 'FROM triggers\nENV a=1\n' },
  },
  'triggers run in a child that says nothing itself': {
    dockerfile: 'FROM triggers\n',
    before: { triggers: 'FROM busybox\nONBUILD LABEL a=1\nONBUILD RUN echo x >/x\n' },
  },
  'triggers are expanded in the child': {
    dockerfile: 'ARG a=global\nFROM triggers\nARG a\nLABEL c=$a\n',
    before: { triggers: 'FROM busybox\nENV e=base\nONBUILD ARG t=1\nONBUILD LABEL b=$e.$t\n' },
    options: ['--build-arg', 't=2'],
  },
  'triggers of a stage are those of the stage that begins with it': {
    dockerfile: 'FROM busybox AS one\nONBUILD RUN echo x >/x\nFROM one\nENV a=1\n',
  },
  'a trigger may copy from an image': {
    dockerfile: 'FROM triggers\n',
    before: {
      other: 'FROM busybox\nRUN echo 1 >/a\n',
      triggers: 'FROM busybox\nONBUILD COPY --from=other /a /b\n',
    },
  },
  'a trigger may copy from a stage': {
    dockerfile: 'FROM busybox AS one\nRUN echo 1 >/a\nFROM triggers\n',
    before: { triggers: 'FROM busybox\nONBUILD COPY --from=one /a /b\n' },
    only: 'buildkit',
  },
  'a trigger that fails is told of': {
    dockerfile: 'FROM triggers\nENV a=1\n',
    before: { triggers: 'FROM busybox\nONBUILD RUN exit 4\n' },
  },
  'a trigger sets no triggers': { dockerfile: 'FROM busybox\nONBUILD ONBUILD RUN true\n' },
  'a trigger is no FROM': { dockerfile: 'FROM busybox\nONBUILD FROM busybox\n' },
  'a trigger is no MAINTAINER': { dockerfile: 'FROM busybox\nONBUILD MAINTAINER me\n' },
  'a trigger is an instruction': { dockerfile: 'FROM busybox\nONBUILD NONE x\n' },
  'ONBUILD needs an instruction': { dockerfile: 'FROM busybox\nONBUILD\n' },
};
