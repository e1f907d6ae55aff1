/**
 * The vocabulary of plans: every operation that the launcher knows, as data.
 *
 * A plan is what TypeScript decided; the launcher (`native/`) carries it out and decides nothing. Codes and argument
 * order are the binary format: `native/operations.def` lists the same table and a test compares the two.
 *
 * Descriptors live in numbered slots of the launcher's table (0 to 63), never in paths: an operation that names
 * `slot` stores there, one that names `dir` resolves its path from there. `dir: HOST` means the launcher's own root.
 * A path below a container's root is resolved with openat2(RESOLVE_IN_ROOT) from that root's slot: see `root`.
 */

/** The `dir` of a host path: absolute, trusted, made by Sampan itself. */
export const HOST = -1;

/** In an exec's plan this slot holds a pidfd of the container's first process, for `setns`. */
export const TASK_SLOT = 63;

export type ArgumentKind = 'int' | 'text' | 'bytes' | 'texts' | 'ints';

type ArgumentValue<K extends ArgumentKind> = K extends 'int'
  ? number | bigint
  : K extends 'text'
    ? string
    : K extends 'bytes'
      ? Uint8Array
      : K extends 'texts'
        ? readonly string[]
        : readonly (number | bigint)[];

export interface OperationShape {
  readonly code: number;
  readonly args: Readonly<Record<string, ArgumentKind>>;
}

/**
 * Each operation by name. Flag arguments hold the kernel's own constants (`constants.ts`); errno tolerance is stated
 * in the operation's name or its `ignore` list, nowhere else.
 */
export const operations = {
  // Files and descriptors
  /** openat2 into a slot. `resolve` holds RESOLVE_* bits. */
  open: {
    code: 1,
    args: { slot: 'int', dir: 'int', path: 'text', flags: 'int', mode: 'int', resolve: 'int' },
  },
  close: { code: 2, args: { slot: 'int' } },
  /** mkdirat; an existing directory is fine. */
  mkdir: { code: 3, args: { dir: 'int', path: 'text', mode: 'int' } },
  /** Makes each missing directory of `path` below the root in slot `root`, walking safely; new ones get mode and owner. */
  mkdirs: { code: 4, args: { root: 'int', path: 'text', mode: 'int', uid: 'int', gid: 'int' } },
  /** Opens with O_WRONLY | flags and writes all bytes in one write(2). */
  write: {
    code: 5,
    args: { dir: 'int', path: 'text', flags: 'int', mode: 'int', data: 'bytes', ignore: 'ints' },
  },
  /** Reads at most `limit` bytes and returns them as the operation's result. */
  read: { code: 6, args: { dir: 'int', path: 'text', limit: 'int' } },
  /** unlinkat; `flags` may hold AT_REMOVEDIR. What is missing already is fine. */
  unlink: { code: 7, args: { dir: 'int', path: 'text', flags: 'int' } },
  /** A symbolic link below `root`, with its parents; what is there already stays. */
  symlink: { code: 8, args: { root: 'int', path: 'text', target: 'text' } },
  /** A device, fifo or socket below `root`, with exactly this mode and owner whatever the umask; replaces what is there. */
  mknod: { code: 9, args: { root: 'int', path: 'text', mode: 'int', device: 'int', uid: 'int', gid: 'int' } },
  chown: { code: 10, args: { root: 'int', path: 'text', uid: 'int', gid: 'int' } },
  chmod: { code: 11, args: { root: 'int', path: 'text', mode: 'int' } },
  /** Makes an empty regular file below `root` with its parents, if nothing is there. */
  touch: { code: 12, args: { root: 'int', path: 'text', mode: 'int' } },
  /** An extended attribute of the file (or link) itself. `path` is bytes, since names need not be text. */
  setXattr: { code: 13, args: { root: 'int', path: 'bytes', name: 'text', value: 'bytes' } },
  /** Access and modification time of the file (or link) itself: seconds since the epoch, and nanoseconds on top. */
  setTimes: { code: 14, args: { root: 'int', path: 'bytes', seconds: 'int', nanoseconds: 'int' } },
  /** Makes everything on the filesystem of the host directory `path` durable. */
  syncFilesystem: { code: 15, args: { path: 'text' } },
  /**
   * Makes the regular file `path` below slot `target` share its blocks with that below slot `source` (FICLONE), with its capability and
   * modification time. Both are there. Fails with EOPNOTSUPP or EXDEV where the filesystem cannot.
   */
  cloneFile: { code: 16, args: { source: 'int', target: 'int', path: 'bytes' } },
  /**
   * Puts what will be made in the host directory `path` into a quota project that may have so many bytes, 0 for any (FS_IOC_FSSETXATTR,
   * quotactl_fd). Fails on filesystems without project quotas.
   */
  limitProject: { code: 17, args: { path: 'text', project: 'int', bytes: 'int' } },

  // Mounts
  /**
   * A new filesystem (fsopen, fsconfig, fsmount), moved onto `path` below `root`. `attributes` are MOUNT_ATTR_*,
   * `options` are fsconfig pairs "key=value" or flags "key". The target is made (a directory) when `create` is 1.
   * Refuses a target on procfs unless `fstype` is "proc" and the target is the root of it, and symbolic links on the way to a proc or
   * sysfs. The kernel's own words are the failure's `detail`.
   */
  mount: {
    code: 20,
    args: {
      root: 'int',
      path: 'text',
      fstype: 'text',
      source: 'text',
      attributes: 'int',
      options: 'texts',
      propagation: 'int',
      create: 'int',
    },
  },
  /**
   * open_tree(OPEN_TREE_CLONE) of a source, mount_setattr, move_mount onto `path` below `root`. The source is `sourcePath`
   * from slot `sourceDir` (RESOLVE_IN_ROOT when that is not HOST). `create`: 0 target must exist, 1 make it like the source
   * (directory or empty file). `set`/`clear` are MOUNT_ATTR_*; `recursive` clones the subtree, `recursiveAttributes`
   * applies the attributes to it. `propagation` is an MS_* propagation type (with MS_REC for the whole subtree), or 0.
   * A directory onto anything else, or the reverse, fails with ENOTDIR.
   */
  bind: {
    code: 21,
    args: {
      sourceDir: 'int',
      sourcePath: 'text',
      root: 'int',
      path: 'text',
      create: 'int',
      recursive: 'int',
      set: 'int',
      clear: 'int',
      recursiveAttributes: 'int',
      propagation: 'int',
    },
  },
  /**
   * An overlay on host path `target`. Layer names are relative to `layersDir`, topmost first, so that 128 of them fit
   * in one page. `upper` and `work` are absolute host paths, or empty for a read-only view.
   */
  overlay: {
    code: 22,
    args: {
      target: 'text',
      layersDir: 'text',
      lower: 'texts',
      upper: 'text',
      work: 'text',
      options: 'texts',
      attributes: 'int',
    },
  },
  /**
   * A read-only EROFS image with further devices (files) on host path `target`; file-backed where the kernel can
   * (6.12), through loop devices else.
   */
  erofs: { code: 23, args: { image: 'text', devices: 'texts', target: 'text' } },
  /** mount_setattr on `path` below `root` (or a host path). */
  setAttributes: {
    code: 24,
    args: { root: 'int', path: 'text', set: 'int', clear: 'int', propagation: 'int', recursive: 'int' },
  },
  /** umount2 of a host path, whose last part is not followed. What is not mounted is fine. */
  unmount: { code: 25, args: { path: 'text', flags: 'int' } },
  /** Hides `path`: a file behind /dev/null, a directory behind an empty read-only tmpfs; missing is fine. */
  mask: { code: 26, args: { root: 'int', path: 'text' } },
  /** Makes the subtree at `path` read-only through a bind of itself; missing is fine. */
  protect: { code: 27, args: { root: 'int', path: 'text' } },
  /** Makes the directory in slot `root` the root of this mount namespace and detaches the old one. */
  pivot: { code: 28, args: { root: 'int' } },
  /** Makes the directory in slot `root` the root without pivoting (ramfs hosts, MS_MOVE + chroot). */
  moveRoot: { code: 29, args: { root: 'int' } },
  /**
   * Into `slot` a copy, attached nowhere, of the mount that the directory in `source` lies on, from that directory on; `recursive` with what is
   * mounted below. The mount must be in the launcher's mount namespace of that moment.
   */
  cloneMount: { code: 30, args: { slot: 'int', source: 'int', recursive: 'int' } },

  // Namespaces
  /**
   * Asks for the new process, with CLONE_NEW* flags (0: plain child), in the v2 cgroup whose directory is in slot `cgroup` (-1: this
   * one's). Exactly one in a plan that has a child stage. The process is made when the whole before stage is done. It shares no
   * mount namespace with the slots filled before: what it mounts on or binds from, it must open itself.
   */
  clone: { code: 40, args: { flags: 'int', cgroup: 'int' } },
  unshare: { code: 41, args: { flags: 'int' } },
  /**
   * Joins the namespace whose descriptor is in `slot`; `type` is its CLONE_NEW* flag. With a pidfd in the slot, `type` may hold
   * several flags, joined in one call.
   */
  setns: { code: 42, args: { slot: 'int', type: 'int' } },
  /**
   * Continues in a new child of the supervisor: how a joined PID namespace takes effect. All slots are empty afterwards, as processes of that
   * namespace may be able to follow this one's descriptors.
   */
  fork: { code: 43, args: {} },
  /** parent stage: opens /proc/<child>/ns/<type> into a slot. */
  openChildNamespace: { code: 44, args: { slot: 'int', type: 'text' } },
  /** parent stage: writes /proc/<child>/<file> ("uid_map", "gid_map", "setgroups", "oom_score_adj", "timens_offsets"). */
  writeChild: { code: 45, args: { file: 'text', data: 'bytes' } },
  /** parent stage: lets the child begin; the parent steps after it run beside the child stage. Its exec still waits for them all. */
  release: { code: 46, args: {} },
  /** child stage, where the plan has a `release`: waits until the whole parent stage is done. */
  awaitParent: { code: 47, args: {} },
  /** A pidfd of a process, for `setns`. */
  openProcess: { code: 48, args: { slot: 'int', pid: 'int' } },

  // Process attributes (child stage)
  hostname: { code: 60, args: { name: 'text' } },
  domainname: { code: 61, args: { name: 'text' } },
  /** Writes below /proc/sys of a real procfs, dots already turned into slashes. */
  sysctl: { code: 62, args: { path: 'text', value: 'text' } },
  rlimit: { code: 63, args: { resource: 'int', soft: 'int', hard: 'int' } },
  umask: { code: 64, args: { mask: 'int' } },
  noNewPrivileges: { code: 65, args: {} },
  /**
   * Five 64-bit sets, for `setUser`: the bounding set is dropped before the user changes, the others set after. A user other than root
   * keeps the ambient set alone, which is what execve would leave it.
   */
  capabilities: {
    code: 66,
    args: { bounding: 'int', effective: 'int', permitted: 'int', inheritable: 'int', ambient: 'int' },
  },
  /**
   * Resolves "user[:group]" against /etc/passwd and /etc/group below `root` (read with limits, never through NSS),
   * remembering uid, gid, supplementary groups and home for `setUser` and `exec`. `extraGroups` are names or numbers. Fails with errno 0
   * and Docker's words in `detail`.
   */
  resolveUser: { code: 67, args: { root: 'int', user: 'text', extraGroups: 'texts' } },
  /** Drops to the resolved user: bounding set, keepcaps, setgroups, setresgid, setresuid, remaining sets, in that order. */
  setUser: { code: 68, args: {} },
  /** Attaches a BPF program (struct sock_filter array). `flags` are SECCOMP_FILTER_FLAG_*. Takes effect just before exec. */
  seccomp: { code: 69, args: { program: 'bytes', flags: 'int' } },
  /** chdir inside the new root, which must not lead outside it; made root:root 0755 when missing and `create` is 1. */
  workingDirectory: { code: 70, args: { path: 'text', create: 'int' } },
  /** Opens a terminal in the new /dev/pts, hands its master to the supervisor, makes it the controlling terminal; binds /dev/console when asked. */
  terminal: { code: 71, args: { root: 'int', console: 'int', rows: 'int', columns: 'int' } },
  /** A fresh session keyring, as Docker gives each container. */
  keyring: { code: 72, args: { name: 'text' } },
  ioPriority: { code: 73, args: { value: 'int' } },
  personality: { code: 74, args: { value: 'int' } },
  /** A label for the next exec (AppArmor: "apparmor/exec", SELinux: "exec") below /proc/thread-self/attr. */
  securityLabel: { code: 75, args: { file: 'text', label: 'text' } },
  /**
   * Ends the child stage: waits for the supervisor's word, closes every descriptor but 0 to 2, and execs. `argv[0]` is
   * looked up in PATH of `env` when it has no slash. HOME is added from the resolved user when `env` has none. The failure's `detail`
   * tells how far it came: "not found in $PATH", "stat" (no such path), "lookup" (a directory, or not executable), "execve".
   */
  exec: { code: 76, args: { argv: 'texts', env: 'texts' } },

  // Network
  /**
   * Sends one datagram of netlink messages on `protocol` (NETLINK_ROUTE, NETLINK_NETFILTER) in the current network
   * namespace and waits for `acks` acknowledgements; replies are the operation's result. Before sending, the i32 at
   * each `patches` offset is replaced by a descriptor: pairs of offset, slot. `ignore` lists errnos that count as success.
   */
  netlink: {
    code: 90,
    args: { protocol: 'int', data: 'bytes', acks: 'int', patches: 'ints', ignore: 'ints' },
  },
  /**
   * Reserves a host port by binding it (and listening) and relays to the container what the firewall does not translate:
   * connections from loopback, from containers and over IPv6. Fails with EADDRINUSE. `protocol` is IPPROTO_*.
   */
  publish: {
    code: 91,
    args: { protocol: 'int', hostAddress: 'text', hostPort: 'int', address: 'text', port: 'int' },
  },
  /**
   * parent stage, before `release`: opens the sockets of a DNS server on 127.0.0.11 in the child's network, which the supervisor then serves.
   * `settings` are those of the supervisor's DNS frame (docs/supervisor-protocol.md) and name the port. Fails with EADDRINUSE.
   */
  serveDns: { code: 92, args: { settings: 'bytes' } },

  /**
   * Once the plan is carried out, the connection tells what others change in nf_tables until it is closed: a result of this step for each
   * transaction that no launcher or supervisor made. It holds for each table and kind of change: the kind (NFT_MSG_*), the family, the length
   * of the table's name, one byte each, and the name; nothing where anything may have changed, or where interface `link` is no longer there,
   * whoever removed it ("" for no interface). The plan has no other stage.
   */
  watchNetfilter: { code: 93, args: { link: 'text' } },

  // Cgroups
  /** parent stage: writes the child's pid into a file (cgroup.procs). */
  writePid: { code: 100, args: { dir: 'int', path: 'text' } },
  /** after stage: kills what is left in the group, then removes it with its children. */
  removeCgroup: { code: 101, args: { path: 'text' } },
  /** Loads a BPF_PROG_TYPE_CGROUP_DEVICE program (struct bpf_insn array) and attaches it to the v2 group. */
  deviceProgram: { code: 102, args: { path: 'text', program: 'bytes' } },
  /** Reports out-of-memory kills of the group. `version` is 1 (memory.oom_control) or 2 (memory.events). */
  watchOom: { code: 103, args: { path: 'text', version: 'int' } },

  // Supervision (before stage)
  /**
   * Makes this launcher a supervisor: it listens on `socket`, keeps `stateFile` (pid and start time, then the exit;
   * written with rename), and stays until the process has exited and its output is drained.
   */
  supervise: { code: 110, args: { socket: 'text', stateFile: 'text' } },
  /** Standard streams of the process: `terminal` 1 for a terminal, `stdin` 1 to keep standard input open, `stdinOnce` 1 to close it after the first client. */
  streams: { code: 111, args: { terminal: 'int', stdin: 'int', stdinOnce: 'int' } },
  /** Docker's json-file log: `maxSize` bytes (0: no limit), `maxFiles` kept, `attributes` a JSON object text or empty; `compress` 1 gzips old ones (stored form). */
  logFile: {
    code: 112,
    args: { path: 'text', maxSize: 'int', maxFiles: 'int', attributes: 'text', compress: 'int' },
  },

  // Trees (before stage)
  /**
   * Once the plan is carried out, the connection serves requests about the directory in slot `root` until it is closed
   * (docs/tree-protocol.md). All other slots are closed. The plan has no other stage.
   */
  serveTree: { code: 120, args: { root: 'int' } },
} as const satisfies Record<string, OperationShape>;

export type OperationName = keyof typeof operations;

type ArgumentsOf<N extends OperationName> = {
  -readonly [A in keyof (typeof operations)[N]['args']]: (typeof operations)[N]['args'][A] extends ArgumentKind
    ? ArgumentValue<(typeof operations)[N]['args'][A]>
    : never;
};

/** One step: its name and arguments. */
export type Operation = {
  [N in OperationName]: { readonly op: N } & Readonly<ArgumentsOf<N>>;
}[OperationName];

/** When a step runs. Numbers are the binary format. */
export const stages = { before: 0, parent: 1, child: 2, after: 3 } as const;

export type Stage = keyof typeof stages;

/**
 * What to do, in four stages, each in order:
 * - `before`: in the launcher, in the host's namespaces;
 * - `parent`: in the launcher, once `clone` has made the child, which waits until these are done;
 * - `child`: in the new process, ending with `exec`;
 * - `after`: in the launcher once the process is gone, or as soon as any step failed. Its failures are reported, not fatal.
 */
export type Plan = Readonly<Record<Stage, readonly Operation[]>>;

/** One plan that does all of `plans`, stage by stage. */
export function joinPlans(...plans: readonly Partial<Plan>[]): Plan {
  const stage = (name: Stage): Operation[] => plans.flatMap((plan) => plan[name] ?? []);
  return { before: stage('before'), parent: stage('parent'), child: stage('child'), after: stage('after') };
}
