import type { BuildCase, BuildCases } from '../case.ts';

function lines(...instructions: string[]): BuildCase {
  return { dockerfile: `FROM busybox\n${instructions.join('\n')}\n` };
}

/** What commands see, and what they leave. */
export const runCases: BuildCases = {
  'RUN in a shell': lines('RUN echo "a  b" | tr a-z A-Z >/out'),
  'RUN as a list': lines('RUN ["/bin/sh", "-c", "echo $0 $@ >/out", "x", "y z"]'),
  'RUN over several lines': lines('RUN echo 1 >/a && \\', '    echo 2 >/b; \\', '    echo 3 >/c'),
  'RUN that fails': lines('RUN echo said; exit 3'),
  'RUN that fails as a list': lines('RUN ["/bin/false"]'),
  'RUN of what is not there': lines('RUN no-such-command'),
  'RUN of what is not there as a list': lines('RUN ["no-such-command"]'),
  'RUN of what cannot be run': lines('RUN echo x >/f', 'RUN ["/f"]'),
  'RUN that kills itself': lines('RUN kill -9 $$'),
  'RUN with an empty list': lines('RUN []'),
  'RUN changes, adds and removes files': lines(
    'RUN mkdir /d && echo 1 >/d/a && echo 2 >/d/b && ln -s a /d/l',
    'RUN rm /d/b && echo 3 >>/d/a && chmod 600 /d/a && mkdir /d/e',
    'RUN rm -rf /d/e /etc/group && mv /d/a /d/f',
  ),
  'RUN replaces a directory by a file and back': lines(
    'RUN mkdir /d && echo 1 >/d/a && echo 2 >/f',
    'RUN rm -r /d && echo 3 >/d && rm /f && mkdir /f && echo 4 >/f/x',
  ),
  'RUN makes a directory anew': lines(
    'RUN mkdir /d && echo 1 >/d/a',
    'RUN rm -r /d && mkdir /d && echo 2 >/d/b',
  ),
  'RUN removes what the base has': lines('RUN rm -r /home /etc/passwd'),
  'RUN changes a mode and an owner': lines(
    'RUN chmod 700 /root && chown -R 33:33 /home && chmod 4755 /bin/busybox',
  ),
  'RUN changes the root itself': lines('RUN chmod 777 / && chown 5:6 /', 'RUN stat -c "%a %u:%g" / >/out'),
  'RUN makes special files': lines(
    'RUN mkfifo /p && mknod /n c 1 3 && mknod /b b 7 0 && ln /etc/passwd /h && chmod 1777 /var',
  ),
  'RUN leaves nothing of /proc, /sys, /dev and /tmp of its own': lines(
    'RUN ls /proc/self >/dev/null && echo 1 >/dev/null && echo 2 >/dev/shm/x && touch /dev/x && ls /tmp',
  ),
  'RUN leaves nothing of /etc/hosts and /etc/resolv.conf': lines(
    'RUN grep -c localhost /etc/hosts >/out && test -f /etc/resolv.conf',
  ),
  'RUN leaves what was in /etc/hosts and /etc/resolv.conf': {
    ...lines('COPY hosts resolv.conf /etc/', 'RUN grep -c mine /etc/hosts /etc/resolv.conf >/out; true'),
    files: { hosts: '1.2.3.4 mine\n', 'resolv.conf': '# mine\n' },
  },
  'RUN has an environment': lines('ENV b=2 a=1', 'RUN env | grep -v ^HOSTNAME= | sort >/out'),
  'RUN has the home of its user': lines('USER www-data', 'RUN echo $HOME $(id -un) >/tmp/out'),
  'RUN keeps a HOME that was set': lines('ENV HOME=/mine', 'RUN echo $HOME >/out'),
  'RUN is in its working directory': lines('WORKDIR /a', 'RUN pwd >out'),
  'RUN as another user makes files of that user': lines(
    'RUN mkdir -m 777 /w',
    'USER 5:6',
    'RUN echo 1 >/w/a && mkdir /w/d',
  ),
  'RUN has no terminal and no input': lines('RUN test ! -t 0 && test ! -t 1 && cat >/out'),
  'RUN waits for nobody': lines('RUN (sleep 100 >/dev/null 2>&1 &) ; echo 1 >/out'),
  'RUN has the capabilities of a container': lines(
    'RUN grep -E "^Cap(Eff|Bnd|Inh)" /proc/self/status >/out; grep ^NoNewPrivs /proc/self/status >>/out',
  ),
  'RUN keeps extended attributes': {
    dockerfile: 'FROM busybox\nCOPY f /x\nRUN mv /x /y\nRUN chmod 600 /y\n',
    files: { f: '1' },
    prepare: 'setfattr -n user.note -v kept f',
  },
  'RUN without a network': {
    ...lines('RUN ip link | grep -c "^[0-9]" >/out'),
    options: ['--network', 'none'],
  },
  'RUN with hosts of the build': {
    ...lines('RUN grep -o "1.2.3.4.*mine" /etc/hosts | tr "\\t" " " >/out'),
    options: ['--add-host', 'mine:1.2.3.4'],
  },
  'RUN with a limit of the build': {
    ...lines('RUN ulimit -n >/out && df -k /dev/shm | awk "NR == 2 { print \\$2 }" >>/out'),
    options: ['--ulimit', 'nofile=123:456', '--shm-size', '8m'],
    only: 'classic',
  },
  'RUN has a mask': lines('RUN umask >/out && touch /f && mkdir /d'),
  'RUN makes an empty layer': lines('RUN true', 'RUN true again', 'ENV a=1'),
  'RUN --network=none': { ...lines('RUN --network=none ip link | grep -c "^[0-9]" >/out'), only: 'buildkit' },
  'RUN --network=default': {
    ...lines('RUN --network=default ip link | grep -c "lo:" >/out'),
    only: 'buildkit',
  },
  'RUN --network=host needs a permission': { ...lines('RUN --network=host true'), only: 'buildkit' },
  'RUN --network of nobody': { ...lines('RUN --network=other true'), only: 'buildkit' },
  'RUN --security=sandbox': { ...lines('RUN --security=sandbox true'), only: 'buildkit' },
  'RUN --security=insecure needs a permission': {
    ...lines('RUN --security=insecure true'),
    only: 'buildkit',
  },
  'RUN --security of nobody': { ...lines('RUN --security=other true'), only: 'buildkit' },
  'the classic builder knows no flags of RUN': { ...lines('RUN --network=none true'), only: 'classic' },
};
