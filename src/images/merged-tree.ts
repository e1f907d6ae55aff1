import type { LayerNode } from '../oci/tar/layer-node.ts';
import type { LayerTree } from '../oci/tar/layer-tree.ts';
import type { PathChange } from './contract.ts';

/** Told of each path that a layer adds, changes or removes, in the order of the paths' bytes. `path` is a byte string. */
export type ChangeVisitor = (kind: PathChange['kind'], path: string, bytes: number) => void;

/** A path of the layers so far. */
interface Merged {
  /** Of a regular file; a hard link's further names have 0. */
  readonly bytes: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly children: Map<string, Merged> | undefined;
}

/** What the layers of an image make together, bottom first, and what each of them does to it. */
export class MergedTree {
  #root = newDirectory();

  /** Lays a layer over what is there; returns the bytes below it that nobody sees any more. */
  apply(layer: LayerTree, visit: ChangeVisitor): number {
    const application = new Application(visit);
    this.#root = application.directory(this.#root, layer.root, '', false);
    return application.hidden;
  }
}

class Application {
  readonly #visit: ChangeVisitor;
  /** Files of several names whose bytes have been counted. */
  readonly #counted = new Set<LayerNode>();
  hidden = 0;

  constructor(visit: ChangeVisitor) {
    this.#visit = visit;
  }

  /** Merges a directory of the layer over what was there; `isHidden` when nothing below shows through. */
  directory(below: Merged | undefined, node: LayerNode, path: string, isHidden: boolean): Merged {
    const { mode, uid, gid, opaque } = node;
    const children = below?.children ?? new Map<string, Merged>();
    const names = new Set(node.children?.keys());
    const hidesAll = isHidden || opaque;
    if (hidesAll) for (const name of children.keys()) names.add(name);
    for (const step of inPathOrder(names, node, children)) {
      this.#step(step, { node, children, path, hidesAll });
    }
    return { bytes: 0, mode, uid, gid, children };
  }

  /** A name comes twice if it is a directory: first itself, then what is in it, which other names may come between. */
  #step({ name, isContent }: Step, at: Place): void {
    const { node, children, path, hidesAll } = at;
    const upper = node.children?.get(name);
    const lower = children.get(name);
    const full = `${path}/${name}`;
    if (upper === undefined || upper.whiteout) {
      if (lower === undefined) return;
      if (!isContent) this.#remove(lower, full);
      else this.#removeContent(lower, full);
      if (isContent || lower.children === undefined) children.delete(name);
      return;
    }
    if (!isContent) this.#put(upper, lower, full);
    const isLast = isContent || (upper.children === undefined && lower?.children === undefined);
    if (!isLast) return;
    if (upper.children === undefined) {
      if (lower !== undefined) this.#removeContent(lower, full);
      children.set(name, this.#leaf(upper));
    } else children.set(name, this.directory(lower, upper, full, hidesAll));
  }

  /** Tells of the path itself. */
  #put(upper: LayerNode, lower: Merged | undefined, path: string): void {
    const bytes = this.#counted.has(upper) ? 0 : (upper.data?.size ?? 0);
    this.hidden += lower?.bytes ?? 0;
    if (lower === undefined) this.#visit('added', path, bytes);
    else if (upper.children === undefined || differs(upper, lower)) this.#visit('changed', path, bytes);
  }

  #leaf(upper: LayerNode): Merged {
    const { mode, uid, gid, data } = upper;
    const bytes = this.#counted.has(upper) ? 0 : (data?.size ?? 0);
    if (data !== undefined) this.#counted.add(upper);
    return { bytes, mode, uid, gid, children: undefined };
  }

  #remove(lower: Merged, path: string): void {
    this.hidden += lower.bytes;
    this.#visit('removed', path, lower.bytes);
  }

  #removeContent(lower: Merged, path: string): void {
    const children = lower.children ?? new Map<string, Merged>();
    for (const { name, isContent } of inPathOrder(new Set(children.keys()), undefined, children)) {
      const child = children.get(name);
      if (child === undefined) continue;
      if (isContent) this.#removeContent(child, `${path}/${name}`);
      else this.#remove(child, `${path}/${name}`);
    }
  }
}

interface Place {
  readonly node: LayerNode;
  readonly children: Map<string, Merged>;
  readonly path: string;
  readonly hidesAll: boolean;
}

interface Step {
  readonly name: string;
  /** What is in the directory, not itself. */
  readonly isContent: boolean;
}

/** So that whole paths come in order: "a", "a.b", "a/b". */
function inPathOrder(
  names: ReadonlySet<string>,
  node: LayerNode | undefined,
  children: ReadonlyMap<string, Merged>,
): Step[] {
  const keys: string[] = [];
  for (const name of names) {
    keys.push(name);
    const isDirectory = node?.children?.get(name)?.children ?? children.get(name)?.children;
    if (isDirectory !== undefined) keys.push(`${name}/`);
  }
  return keys.sort().map((key) => {
    const isContent = key.endsWith('/');
    return { name: isContent ? key.slice(0, -1) : key, isContent };
  });
}

/** A directory that is only named again is not changed. */
function differs(upper: LayerNode, lower: Merged): boolean {
  return upper.mode !== lower.mode || upper.uid !== lower.uid || upper.gid !== lower.gid;
}

function newDirectory(): Merged {
  return { bytes: 0, mode: 0o040755, uid: 0, gid: 0, children: new Map() };
}
