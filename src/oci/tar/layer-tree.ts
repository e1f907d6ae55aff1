import { invalid } from '../../base/errors.ts';
import { type EntryType, type TarEntry, toText } from './entry.ts';
import { LayerNode, modeType, newDirectory, newWhiteout } from './layer-node.ts';
import { cleanPath, isMetadata, isWhiteout, OPAQUE_MARK, WHITEOUT_PREFIX } from './layer-path.ts';

/** Deepest nesting of directories: as deep as a path of 4,096 bytes can name. */
const MAX_DEPTH = 2048;
/** Symbolic links followed for one name, as in the kernel. */
const MAX_FOLLOWED = 40;
/** Components of link targets walked for all names together: links that lead through links make a small archive long work. */
const MAX_WALKED = 1 << 24;
/** One inode's extended attributes: what fits the on-disk format's count of 4-byte units. */
const MAX_XATTR_BYTES = 65_536;

const typeBits: Readonly<Record<Exclude<EntryType, 'hardlink' | 'note'>, number>> = {
  file: modeType.file,
  symlink: modeType.symlink,
  character: modeType.character,
  block: modeType.block,
  directory: modeType.directory,
  fifo: modeType.fifo,
};

/**
 * The files that a layer's archive makes, put together in memory from its headers.
 *
 * Members apply in order, the last one of a name wins, missing parents are root's with mode 0755. A name whose
 * parents are symbolic links of the same layer goes where they lead, never outside. Whiteouts hide what is in the
 * layers below, never what is in this one, whichever comes first. Fails with `invalid-argument`.
 */
export class LayerTree {
  readonly root: LayerNode = newDirectory();
  #lastParentName = '';
  #lastParent: LayerNode | undefined = undefined;
  #walked = 0;

  /** Adds a member; the node that it made or changed, or undefined where it stands for no file. */
  add(entry: TarEntry): LayerNode | undefined {
    if (entry.type === 'note') return undefined;
    const [parent, name] = this.#place(entry.name);
    if (parent === undefined) return this.#setRoot(entry);
    if (name === OPAQUE_MARK) {
      parent.opaque = true;
      return undefined;
    }
    if (isWhiteout(name) && !isMetadata(name)) {
      addWhiteout(parent, name.slice(WHITEOUT_PREFIX.length), entry);
      return undefined;
    }
    if (entry.type === 'hardlink') return this.#link(parent, name, entry);
    return this.#put(parent, name, entry);
  }

  /** Where a member goes: its directory, made as needed, and its last name; no directory for the root itself. */
  #place(path: string): [parent: LayerNode | undefined, name: string] {
    const end = path.endsWith('/') ? path.length - 1 : path.length;
    const slash = path.lastIndexOf('/', end - 1);
    const name = path.slice(slash + 1, end);
    const simple = name !== '' && name !== '.' && name !== '..' && name.length <= 255;
    if (
      simple &&
      this.#lastParent !== undefined &&
      slash >= 0 &&
      path.slice(0, slash) === this.#lastParentName
    ) {
      return [this.#lastParent, name];
    }
    const parts = cleanPath(path);
    const last = parts.pop();
    if (last === undefined) return [undefined, ''];
    const parent = this.#walk(parts, path, true);
    if (simple && slash >= 0) {
      this.#lastParentName = path.slice(0, slash);
      this.#lastParent = parent;
    }
    return [parent, last];
  }

  #setRoot(entry: TarEntry): LayerNode {
    if (entry.type !== 'directory')
      throw invalid('invalid tar header: the root of the layer is not a directory');
    setAttributes(this.root, entry);
    return this.root;
  }

  #put(parent: LayerNode, name: string, entry: TarEntry): LayerNode {
    const existing = parent.children?.get(name);
    if (entry.type === 'directory') {
      const directory =
        existing?.children === undefined ? this.#replace(parent, name, newDirectory()) : existing;
      setAttributes(directory, entry);
      return directory;
    }
    const node = new LayerNode(modeType.file);
    setAttributes(node, entry);
    return this.#replace(parent, name, node);
  }

  #replace(parent: LayerNode, name: string, node: LayerNode): LayerNode {
    const old = parent.children?.get(name);
    if (old?.whiteout && node.children !== undefined) node.opaque = true;
    // What was found by way of the old node may now be elsewhere.
    if (old !== undefined) this.#lastParent = undefined;
    // A piece of a string keeps the whole of it in memory; a copy through bytes does not.
    parent.children?.set(old === undefined ? Buffer.from(name, 'latin1').toString('latin1') : name, node);
    return node;
  }

  #link(parent: LayerNode, name: string, entry: TarEntry): LayerNode {
    const parts = cleanPath(entry.linkName);
    const last = parts.pop();
    const target =
      last === undefined ? undefined : this.#walk(parts, entry.linkName, false)?.children?.get(last);
    if (target === undefined || target.whiteout || target.children !== undefined) {
      const [from, to] = [toText(entry.name), toText(entry.linkName)].map((text) => JSON.stringify(text));
      throw invalid(`invalid hardlink ${from} -> ${to}: the target is not a file of the layer`);
    }
    if (parent.children?.get(name) !== target) this.#replace(parent, name, target);
    return target;
  }

  #walk(parts: readonly string[], path: string, make: true): LayerNode;
  #walk(parts: readonly string[], path: string, make: boolean): LayerNode | undefined;
  #walk(parts: readonly string[], path: string, make: boolean): LayerNode | undefined {
    const pending = parts.toReversed();
    const trail = [this.root];
    let followed = 0;
    for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
      if (part === '' || part === '.') continue;
      if (part === '..') {
        if (trail.length > 1) trail.pop();
        continue;
      }
      const directory = trail.at(-1) ?? this.root;
      const child = directory.children?.get(part);
      if (child?.type === modeType.symlink) {
        if (++followed > MAX_FOLLOWED) throw tooDeep('too many symbolic links', path);
        if (child.target.startsWith('/')) trail.length = 1;
        const target = child.target.split('/');
        this.#walked += target.length;
        if (this.#walked > MAX_WALKED) throw tooDeep('too long symbolic links', path);
        pending.push(...target.reverse());
      } else if (child?.children !== undefined) trail.push(child);
      else if (make) trail.push(this.#imply(directory, part, path));
      else return undefined;
      if (trail.length > MAX_DEPTH) throw tooDeep('too many directories', path);
    }
    return trail.at(-1);
  }

  #imply(directory: LayerNode, name: string, path: string): LayerNode {
    // A symbolic link may lead to a name that no member could have.
    const [checked] = cleanPath(name);
    if (checked === undefined) throw tooDeep('bad name', path);
    return this.#replace(directory, checked, newDirectory());
  }
}

function addWhiteout(parent: LayerNode, name: string, entry: TarEntry): void {
  if (name === '' || name === '.' || name === '..') {
    throw invalid(`invalid tar header: bad whiteout ${JSON.stringify(toText(entry.name))}`);
  }
  const existing = parent.children?.get(name);
  if (existing === undefined) parent.children?.set(name, newWhiteout());
  else if (existing.children !== undefined) existing.opaque = true;
}

function setAttributes(node: LayerNode, entry: TarEntry): void {
  if (entry.type === 'hardlink' || entry.type === 'note') return;
  // Linux gives every symbolic link all permissions.
  node.mode = typeBits[entry.type] | (entry.type === 'symlink' ? 0o777 : entry.mode);
  node.uid = entry.uid;
  node.gid = entry.gid;
  node.seconds = entry.seconds;
  node.nanoseconds = entry.nanoseconds;
  node.xattrs = keptXattrs(entry);
  if (entry.type === 'file') {
    node.data = { size: entry.size, offset: entry.dataOffset, extents: entry.extents };
  } else if (entry.type === 'symlink') {
    if (entry.linkName === '' || entry.linkName.length > 4095) throw badEntry('symbolic link target', entry);
    node.target = entry.linkName;
  } else if (entry.type === 'character' || entry.type === 'block') {
    if (entry.major < 0 || entry.major > 0xfff || entry.minor < 0 || entry.minor > 0xfffff) {
      throw badEntry('device number', entry);
    }
    node.major = entry.major;
    node.minor = entry.minor;
  }
}

/** Those that Linux keeps on disk, without overlayfs's own: a layer must not steer the mount that it is part of. */
function keptXattrs(entry: TarEntry): Map<string, Uint8Array> | undefined {
  if (entry.xattrs === undefined) return undefined;
  const kept = new Map<string, Uint8Array>();
  let bytes = 0;
  for (const [name, value] of entry.xattrs) {
    if (!isKept(name)) continue;
    bytes += name.length + value.length + 8;
    if (name.length > 255 || bytes > MAX_XATTR_BYTES) throw badEntry('extended attributes', entry);
    kept.set(name, value);
  }
  return kept.size === 0 ? undefined : kept;
}

function isKept(name: string): boolean {
  if (name.includes('\0') || name.startsWith('trusted.overlay.')) return false;
  if (name === 'system.posix_acl_access' || name === 'system.posix_acl_default') return true;
  return /^(?:user|trusted|security)\../s.test(name);
}

function badEntry(what: string, entry: TarEntry): Error {
  return invalid(`invalid tar header: bad ${what} of ${JSON.stringify(toText(entry.name))}`);
}

function tooDeep(what: string, path: string): Error {
  return invalid(`invalid tar header: ${what} in ${JSON.stringify(toText(path))}`);
}
