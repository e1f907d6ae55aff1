import type { BuildCases } from '../case.ts';

const show = 'RUN env | grep -v -E "^(PATH|HOME|HOSTNAME|PWD|SHLVL|OLDPWD)=" | sort >/out';

export const argCases: BuildCases = {
  'ARG has a default': { dockerfile: `FROM busybox\nARG a=1\n${show}\nLABEL a=$a\n` },
  'an argument of the build comes before the default': {
    dockerfile: `FROM busybox\nARG a=1\n${show}\nLABEL a=$a\n`,
    options: ['--build-arg', 'a=2'],
  },
  'an empty argument of the build comes before the default': {
    dockerfile: `FROM busybox\nARG a=1\nLABEL a=x$a b=\${a-unset}\n`,
    options: ['--build-arg', 'a='],
  },
  'ARG without a value is unset': { dockerfile: `FROM busybox\nARG a\n${show}\nLABEL a=\${a-unset}\n` },
  'an argument comes from the environment': {
    dockerfile: `FROM busybox\nARG a=1\nARG b=2\nLABEL a=$a b=$b\n`,
    options: ['--build-arg', 'a', '--build-arg', 'b'],
    environment: { a: 'from here' },
  },
  'ARG takes several names': {
    dockerfile: `FROM busybox\nARG a=1 b c="x y"\n${show}\nLABEL a=$a b=$b c=$c\n`,
  },
  'ARG is known from its line on': {
    dockerfile: `FROM busybox\nLABEL before=\${a-unset}\nARG a=1\nLABEL after=$a\n`,
    options: ['--build-arg', 'a=2'],
  },
  'a stage sees what is declared before the first one when it asks for it': {
    dockerfile: `ARG g=1\nARG h=$g.2\nFROM busybox\nARG g\nLABEL g=\${g-unset} h=\${h-unset}\n`,
  },
  'a default of the stage comes before that of the file': {
    dockerfile: `ARG g=1\nFROM busybox\nARG g=2\nLABEL g=$g\n`,
  },
  'FROM is expanded with arguments of the file': {
    dockerfile: `ARG name=busy\nARG tag\nFROM \${name}box:\${tag:-latest} AS one\nENV a=1\n`,
  },
  'FROM does not see arguments of stages': {
    dockerfile: `FROM busybox AS one\nARG inner=one\nFROM \${inner:-busybox}\nLABEL a=b\n`,
  },
  'FROM of an empty name is refused': { dockerfile: 'ARG base\nFROM $base\n' },
  'ENV comes before ARG': { dockerfile: `FROM busybox\nENV a=env\nARG a=arg\n${show}\nLABEL a=$a\n` },
  'ENV after ARG comes before it too': {
    dockerfile: `FROM busybox\nARG a=arg\nENV a=env-$a\n${show}\nLABEL a=$a\n`,
    options: ['--build-arg', 'a=given'],
  },
  'arguments are in the history of commands': {
    dockerfile: 'FROM busybox\nARG b=2\nARG a=1\nRUN true\nRUN ["true"]\nARG c=3\nRUN true $c\n',
  },
  'arguments of a stage are those of its children with BuildKit': {
    dockerfile: 'FROM busybox AS one\nARG a=1\nFROM one\nLABEL a=${a-unset}\n',
  },
  'proxies are known without being declared': {
    dockerfile: `FROM busybox\n${show}\nLABEL a=\${http_proxy-unset}\n`,
    options: ['--build-arg', 'http_proxy=http://proxy.example:1', '--build-arg', 'NO_PROXY=localhost'],
  },
  'a declared proxy is an argument like others': {
    dockerfile: `FROM busybox\nARG http_proxy\n${show}\nLABEL a=\${http_proxy-unset}\n`,
    options: ['--build-arg', 'http_proxy=http://proxy.example:1'],
  },
  'platforms are known where they are declared': {
    dockerfile: `FROM busybox\nLABEL before=\${TARGETOS-unset}\nARG TARGETPLATFORM TARGETOS TARGETARCH TARGETVARIANT BUILDPLATFORM BUILDOS BUILDARCH\n${show}\nLABEL t=$TARGETPLATFORM,$TARGETOS,$TARGETARCH,$TARGETVARIANT b=$BUILDPLATFORM,$BUILDOS,$BUILDARCH\n`,
    only: 'buildkit',
  },
  'FROM knows the platforms': {
    dockerfile: 'FROM --platform=$BUILDPLATFORM busybox AS on-$TARGETARCH\nENV a=1\n',
    only: 'buildkit',
  },
  'a platform argument can be given': {
    dockerfile: 'FROM busybox\nARG TARGETOS TARGETARCH=mine\nLABEL a=$TARGETOS.$TARGETARCH\n',
    options: ['--build-arg', 'TARGETOS=minix'],
    only: 'buildkit',
  },
  'the target stage has a name': {
    dockerfile: 'FROM busybox AS one\nARG TARGETSTAGE\nLABEL a=$TARGETSTAGE\nFROM busybox\n',
    options: ['--target', 'one'],
    only: 'buildkit',
  },
  'the target stage is "default" where none was named': {
    dockerfile: 'FROM busybox\nARG TARGETSTAGE\nLABEL a=$TARGETSTAGE\n',
    only: 'buildkit',
  },
  'an argument that nobody asks for is told of': {
    dockerfile: 'FROM busybox\nARG a\n',
    options: ['--build-arg', 'a=1', '--build-arg', 'other=2', '--build-arg', 'more=3'],
  },
  'ARG without a name is refused': { dockerfile: 'FROM busybox\nARG =x\n' },
  'ARG without anything is refused': { dockerfile: 'FROM busybox\nARG\n' },
  'the host name of commands can be given': {
    dockerfile: 'FROM busybox\nRUN hostname >/out\n',
    options: ['--build-arg', 'BUILDKIT_SANDBOX_HOSTNAME=mine'],
    only: 'buildkit',
  },
  'an argument may hold blanks and quotes': {
    dockerfile: `FROM busybox\nARG a\nRUN echo "$a" >/out\nLABEL a=$a\n`,
    options: ['--build-arg', 'a=x "y" \'z\'  $HOME'],
  },
};
