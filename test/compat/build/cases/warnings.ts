import type { BuildCase, BuildCases } from '../case.ts';

function lines(...instructions: string[]): BuildCase {
  return { dockerfile: `${instructions.join('\n')}\n`, only: 'buildkit' };
}

/** What the linter of BuildKit has to say. */
export const warningCases: BuildCases = {
  StageNameCasing: lines('FROM busybox AS One', 'ENV a=1'),
  FromAsCasing: lines('FROM busybox as one', 'ENV a=1'),
  NoEmptyContinuation: lines('FROM busybox', 'RUN echo a \\', '', '  b'),
  ConsistentInstructionCasing: lines('FROM busybox', 'env a=1', 'ENV b=1', 'EnV c=1'),
  DuplicateStageName: lines('FROM busybox AS one', 'FROM busybox AS one'),
  ReservedStageName: lines('FROM busybox AS context', 'ENV a=1'),
  JSONArgsRecommended: lines('FROM busybox', 'ENTRYPOINT a', 'CMD b'),
  'JSONArgsRecommended is silent where SHELL is set': lines(
    'FROM busybox',
    'SHELL ["/bin/sh", "-c"]',
    'CMD b',
  ),
  MaintainerDeprecated: lines('FROM busybox', 'MAINTAINER me'),
  UndefinedArgInFrom: lines('FROM busybox${none:+x}', 'ENV a=1'),
  WorkdirRelativePath: lines('FROM busybox', 'WORKDIR a'),
  UndefinedVar: lines('FROM busybox', 'ARG name=1', 'LABEL a=$nam b=$none'),
  MultipleInstructionsDisallowed: lines(
    'FROM busybox',
    'CMD ["a"]',
    'CMD ["b"]',
    'ENTRYPOINT ["a"]',
    'ENTRYPOINT ["b"]',
  ),
  LegacyKeyValueFormat: lines('FROM busybox', 'ENV a 1', 'LABEL b 2'),
  RedundantTargetPlatform: lines('FROM --platform=$TARGETPLATFORM busybox', 'ENV a=1'),
  SecretsUsedInArgOrEnv: lines('FROM busybox', 'ARG API_TOKEN', 'ENV PASSWORD=x PUBLIC_KEY=y'),
  InvalidDefaultArgInFrom: lines('ARG base', 'FROM busybox${base}', 'ENV a=1'),
  FromPlatformFlagConstDisallowed: lines('FROM --platform=linux/amd64 busybox', 'ENV a=1'),
  CopyIgnoredFile: {
    ...lines('FROM busybox', 'COPY a* /x/'),
    files: { a: '1', ab: '2', '.dockerignore': 'a\n' },
  },
  ExposeProtoCasing: lines('FROM busybox', 'EXPOSE 80/TCP'),
  ExposeInvalidFormat: lines('FROM busybox', 'EXPOSE 127.0.0.1:80:80'),
  'a directive silences rules': lines(
    '# check=skip=MaintainerDeprecated',
    'FROM busybox',
    'MAINTAINER me',
    'CMD a',
  ),
  'a directive silences all rules': lines('# check=skip=all', 'FROM busybox', 'MAINTAINER me', 'CMD a'),
  'a directive makes failures of warnings': lines('# check=error=true', 'FROM busybox', 'MAINTAINER me'),
  'an argument makes failures of warnings': {
    ...lines('FROM busybox', 'MAINTAINER me'),
    options: ['--build-arg', 'BUILDKIT_DOCKERFILE_CHECK=error=true'],
  },
  'a directive of checks that nobody knows is refused': lines('# check=color=red', 'FROM busybox'),
};
