import type { BuildCases } from '../case.ts';

const parent = [
  'FROM busybox',
  'HEALTHCHECK --interval=5s --timeout=6s --start-period=7s --retries=8 CMD ["check", "it"]',
  'SHELL ["/bin/ash", "-ec"]',
  'ENTRYPOINT ["enter"]',
  'CMD ["with"]',
  'ENV a=1 PATH=/own:$PATH',
  'LABEL l=1 m=2',
  'EXPOSE 80 81/udp',
  'VOLUME /v',
  'WORKDIR /w',
  'USER 5:6',
  'STOPSIGNAL SIGINT',
  '',
].join('\n');

const child = (...instructions: string[]) => ({
  dockerfile: `FROM parent\n${instructions.map((line) => `${line}\n`).join('')}`,
  before: { parent },
});

/** What an image has of the one that it begins with. */
export const inheritanceCases: BuildCases = {
  'all of it': child('LABEL own=1'),
  'a health check goes': child('HEALTHCHECK NONE'),
  'a health check is another': child('HEALTHCHECK --retries=1 CMD other check'),
  'a shell is used': child('USER 0', 'RUN false; echo never >/never || true'),
  'a shell is used for commands': child('CMD a && b', 'HEALTHCHECK CMD c && d'),
  'a shell is another': child('SHELL ["/bin/sh", "-xc"]', 'USER 0', 'RUN echo 1 >/out', 'ENTRYPOINT x'),
  'an entry point takes the command away': child('ENTRYPOINT ["other"]'),
  'an entry point leaves a command of its own': child('CMD ["own"]', 'ENTRYPOINT ["other"]'),
  'variables are seen and changed': child('ENV a=${a}2 b=$a', 'USER 0', 'RUN echo $a $b $PATH >/out'),
  'labels, ports and volumes come together': child('LABEL m=3 n=4', 'EXPOSE 80 82', 'VOLUME /u'),
  'a directory and a user are those of steps': {
    ...child('COPY f .', 'RUN pwd >/tmp/out; id -u >>/tmp/out; id -g >>/tmp/out'),
    files: { f: '1' },
  },
  'a directory is relative to the one before': child('WORKDIR sub', 'RUN pwd >/tmp/out'),
  'a signal is another': child('STOPSIGNAL 9'),
  'a stage inherits as an image does': {
    dockerfile: `${parent.replace('FROM busybox', 'FROM busybox AS one')}FROM one\nCMD x\nLABEL own=1\n`,
  },
  'triggers see the shell and the variables': {
    dockerfile: 'FROM triggers\nRUN echo own >/own\n',
    before: {
      triggers:
        'FROM busybox\nENV a=1\nSHELL ["/bin/ash", "-xc"]\nONBUILD RUN echo $a >/x\nONBUILD HEALTHCHECK CMD checked $a\nONBUILD SHELL ["/bin/sh", "-c"]\n',
    },
  },
};
