/** A line that dockerd 20.10 prints in a case, and what is printed here instead. */
export interface Difference {
  /** How the names of the cases begin; empty for all. */
  readonly in: string;
  readonly dockerd: RegExp;
  /** A replacement of what the expression matches. */
  readonly here: string;
  readonly reason: string;
}

export const differences: readonly Difference[] = [
  {
    in: '',
    dockerd: /lstat <root>(.*)\/: not a directory/,
    here: '$1: not a directory',
    reason: "paths of the host are nobody's business",
  },
  {
    in: 'cp with archives',
    dockerd: /lstat <root>(.*): not a directory/,
    here: '$1: not a directory',
    reason: "paths of the host are nobody's business",
  },
  {
    in: 'cp with archives',
    dockerd: /Error processing tar file\(exit status 1\): unexpected EOF/,
    here: 'invalid tar archive: unexpected EOF after ""',
    reason: "archives are read in the daemon, and a broken one is the client's fault",
  },
  {
    in: 'a path of a container is described, its links resolved within it, running',
    dockerd: /"name":"proc","size":N,"mode":2147484141/,
    here: '"name":"proc","size":N,"mode":2147484013',
    reason: 'the files of a running container are those that it sees itself',
  },
  {
    in: 'a path of a container is described',
    dockerd: /^(\/d\/f\/[.x]?): 500/,
    here: '$1: 400',
    reason: "that a file is no directory is the client's mistake",
  },
  {
    in: 'the root of a container is read whole, running',
    dockerd: /^drwxr-xr-x (.*\/(proc|sys)\/)$/,
    here: 'dr-xr-xr-x $1',
    reason: 'the files of a running container are those that it sees itself',
  },
  {
    in: 'an archive is unpacked where it may be',
    dockerd: /pathcannot/,
    here: 'path cannot',
    reason: 'a blank that was forgotten',
  },
  {
    in: 'an archive replaces what is there',
    dockerd: /^500$/,
    here: '409',
    reason: 'a clash of kinds is a conflict, not a fault of the daemon',
  },
  {
    in: 'hostile and odd members',
    dockerd: /^500$/,
    here: '400',
    reason: "a hostile archive is the client's fault, not the daemon's",
  },
  {
    in: 'volumes and bind mounts',
    dockerd: /^500$/,
    here: '403',
    reason: 'what the documentation of the API says, and later daemons do',
  },
];
