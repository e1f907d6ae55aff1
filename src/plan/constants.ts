/** Kernel constants that plans are made of, as in the headers named (generic numbering: x86-64, arm64). */

// <linux/sched.h>
export const CLONE_NEWTIME = 0x00000080;
export const CLONE_NEWNS = 0x00020000;
export const CLONE_NEWCGROUP = 0x02000000;
export const CLONE_NEWUTS = 0x04000000;
export const CLONE_NEWIPC = 0x08000000;
export const CLONE_NEWUSER = 0x10000000;
export const CLONE_NEWPID = 0x20000000;
export const CLONE_NEWNET = 0x40000000;

// <sys/mount.h>: propagation, for `propagation` arguments; MS_REC spreads it over the subtree.
export const MS_REC = 0x4000;
export const MS_UNBINDABLE = 1 << 17;
export const MS_PRIVATE = 1 << 18;
export const MS_SLAVE = 1 << 19;
export const MS_SHARED = 1 << 20;

// <linux/mount.h>: for `attributes`, `set` and `clear`. Setting a kind of atime takes clearing MOUNT_ATTR__ATIME.
export const MOUNT_ATTR_RDONLY = 0x1;
export const MOUNT_ATTR_NOSUID = 0x2;
export const MOUNT_ATTR_NODEV = 0x4;
export const MOUNT_ATTR_NOEXEC = 0x8;
export const MOUNT_ATTR__ATIME = 0x70;
export const MOUNT_ATTR_NOATIME = 0x10;
export const MOUNT_ATTR_STRICTATIME = 0x20;
export const MOUNT_ATTR_NODIRATIME = 0x80;
export const MOUNT_ATTR_NOSYMFOLLOW = 0x200000;

// <sys/mount.h>: for `unmount`.
export const MNT_DETACH = 0x2;

// <fcntl.h>
export const O_RDONLY = 0;
export const O_WRONLY = 0o1;
export const O_CREAT = 0o100;
export const O_TRUNC = 0o1000;
export const O_APPEND = 0o2000;
export const O_DIRECTORY = process.arch === 'arm64' ? 0o40000 : 0o200000;
export const O_PATH = 0o10000000;

// <linux/fcntl.h>
export const AT_REMOVEDIR = 0x200;

// <linux/stat.h>
export const S_IFIFO = 0o010000;
export const S_IFCHR = 0o020000;

// <netinet/in.h>
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;

// <linux/netlink.h>
export const NETLINK_ROUTE = 0;

/** The device number that mknod(2) takes (makedev(3)). */
export function deviceNumber(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return (
    ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn)
  );
}
