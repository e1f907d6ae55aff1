import type { BuildCase, BuildCases } from '../case.ts';
import { commits, digests, REMOTE } from '../remote.ts';

const repository = `${REMOTE}/repo/.git`;

function lines(...instructions: string[]): BuildCase {
  return { dockerfile: `FROM busybox\n${instructions.join('\n')}\n` };
}

/** For the builder that has these flags. */
function newer(...instructions: string[]): BuildCase {
  return { ...lines(...instructions), only: 'buildkit' };
}

/** ADD from the web and from Git. */
export const remoteCases: BuildCases = {
  'a file from the web': lines(`ADD ${REMOTE}/f/a.txt /x`),
  'a file from the web to a directory': lines(`ADD ${REMOTE}/f/a.txt ${REMOTE}/f/b%20c.txt /x/`),
  'a file from the web with a query': lines(`ADD ${REMOTE}/f/a.txt?x=1#frag /x/`),
  'a file from the web has an owner and a mode': newer(`ADD --chown=5:6 --chmod=640 ${REMOTE}/f/a.txt /x`),
  'a file from the web with its owner': lines(`ADD --chown=5:6 ${REMOTE}/f/a.txt /x`),
  'a name is expanded': lines('ENV name=a', `ADD ${REMOTE}/f/$name.txt /x/`),
  'an archive from the web stays one': lines(`ADD ${REMOTE}/f/a.tar /x/`),
  'an archive from the web is unpacked': newer(`ADD --unpack=true ${REMOTE}/f/a.tar /x/`),
  'a file that is not on the web': lines(`ADD ${REMOTE}/f/none /x`),
  'a URL without a name': lines(`ADD ${REMOTE}/ /x/`),
  'a file from the web beside one of the context': {
    ...lines(`ADD ${REMOTE}/f/a.txt here /x/`),
    files: { here: '1' },
  },
  'a checksum that is right': newer(`ADD --checksum=sha256:${digests.a} ${REMOTE}/f/a.txt /x`),
  'a checksum that is wrong': newer(`ADD --checksum=sha256:${'0'.repeat(64)} ${REMOTE}/f/a.txt /x`),
  'a checksum that is none': newer(`ADD --checksum=md5:00 ${REMOTE}/f/a.txt /x`),
  'a checksum from an argument': newer(
    `ARG sum=sha256:${digests.a}`,
    `ADD --checksum=\${sum} ${REMOTE}/f/a.txt /x`,
  ),
  'COPY knows no URLs': lines(`COPY ${REMOTE}/f/a.txt /x`),
  'a repository': newer(`ADD ${repository} /x/`),
  'a branch': newer(`ADD ${repository}#other /x/`),
  'a tag': newer(`ADD ${repository}#v1 /x/`),
  'a commit': newer(`ADD ${repository}#${commits.first} /x/`),
  'a directory of a repository': newer(`ADD ${repository}#main:d /x/`),
  'a directory of a repository that is not there': newer(`ADD ${repository}#main:none /x/`),
  'a directory above a repository': newer(`ADD ${repository}#main:../.. /x/`),
  'a branch that is not there': newer(`ADD ${repository}#none /x/`),
  'a repository has an owner and a mode': newer(`ADD --chown=5:6 --chmod=700 ${repository} /x/`),
  'a repository that is linked': newer(`ADD --link ${repository} /x/`),
  'a repository without what is excluded': newer(`ADD --exclude=d ${repository} /x/`),
  'a repository leaves its own directory out': newer(`ADD ${repository} /x/`, 'RUN ls -A /x >/out'),
  'a repository keeps its own directory': {
    dockerfile: `FROM busybox AS one\nADD --keep-git-dir=true ${repository} /x/\nRUN cat /x/.git/HEAD >/out\nFROM busybox\nCOPY --from=one /out /\n`,
    only: 'buildkit',
  },
  'a commit that is wanted': newer(`ADD --checksum=${commits.head} ${repository} /x/`),
  'a commit that is wanted in short': newer(`ADD --checksum=${commits.head.slice(0, 10)} ${repository} /x/`),
  'a commit that is not wanted': newer(`ADD --checksum=${commits.first} ${repository} /x/`),
  'a repository that is not there': newer(`ADD ${REMOTE}/none/.git /x/`),
};
