import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { isErrno } from '../base/errno.ts';
import { SampanError } from '../base/errors.ts';
import type { NamespaceType, RuntimeSpec } from '../oci/runtime-spec.ts';
import { O_CREAT, O_TRUNC } from '../plan/constants.ts';
import { HOST, type Operation } from '../plan/operations.ts';
import { groupPath } from './cgroup/layout.ts';
import type { SeccompFilter } from './seccomp/filters.ts';

/** What a later daemon has to know of a running container besides its supervisor: how to add processes and to measure. */
export interface TaskRecord {
  /** Path of its cgroup. */
  readonly group: string;
  /** Namespaces that it does not share with the host. */
  readonly namespaces: readonly NamespaceType[];
  /** Whether it has a network of its own, rather than the host's or another container's. */
  readonly ownNetwork: boolean;
  readonly filter: SeccompFilter | undefined;
}

export function recordOf({ linux }: RuntimeSpec, filter: SeccompFilter | undefined): TaskRecord {
  return {
    group: groupPath(linux.cgroupsPath),
    namespaces: linux.namespaces.map(({ type }) => type),
    ownNetwork: linux.namespaces.some(({ type, path }) => type === 'network' && path === undefined),
    filter,
  };
}

/**
 * The files below an exec root: `containers/<id>/` with a container's socket (`s`), its supervisor's state (`state`) and its record
 * (`task`); `seccomp/<digest>` with the filters of running containers, of which most share one.
 */
export class TaskFiles {
  readonly #root: string;
  readonly #digests = new WeakMap<SeccompFilter, string>();

  constructor(execRoot: string) {
    this.#root = execRoot;
    mkdirSync(`${execRoot}/containers`, { recursive: true, mode: 0o700 });
    mkdirSync(`${execRoot}/seccomp`, { recursive: true, mode: 0o700 });
  }

  directory(id: string): string {
    return `${this.#root}/containers/${id}`;
  }

  /** One letter: a socket's path has 107 bytes at most, of which the id takes 64. */
  socket(id: string): string {
    return `${this.directory(id)}/s`;
  }

  stateFile(id: string): string {
    return `${this.directory(id)}/state`;
  }

  /** First steps of a start. What an earlier run of the container left is no news of this one. */
  steps(id: string, record: TaskRecord): readonly Operation[] {
    const text = JSON.stringify({ ...record, filter: this.#keepFilter(record.filter) });
    return [
      { op: 'mkdir', dir: HOST, path: this.directory(id), mode: 0o700 },
      { op: 'unlink', dir: HOST, path: this.stateFile(id), flags: 0 },
      {
        op: 'write',
        dir: HOST,
        path: `${this.directory(id)}/task`,
        flags: O_CREAT | O_TRUNC,
        mode: 0o600,
        data: new TextEncoder().encode(text),
        ignore: [],
      },
      { op: 'supervise', socket: this.socket(id), stateFile: this.stateFile(id) },
    ];
  }

  /** Undefined when nothing was ever started under this id. */
  read(id: string): TaskRecord | undefined {
    let text: string;
    try {
      text = readFileSync(`${this.directory(id)}/task`, 'utf8');
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return undefined;
      throw error;
    }
    const stored = parseStored(text);
    return { ...stored, filter: stored.filter === null ? undefined : this.#loadFilter(stored.filter) };
  }

  remove(id: string): void {
    rmSync(this.directory(id), { recursive: true, force: true });
  }

  #keepFilter(filter: SeccompFilter | undefined): StoredFilter | null {
    if (filter === undefined) return null;
    const digest = this.#digests.get(filter) ?? createHash('sha256').update(filter.program).digest('hex');
    const path = `${this.#root}/seccomp/${digest}`;
    if (!this.#digests.has(filter) && !existsSync(path)) {
      writeFileSync(`${path}.new`, filter.program, { mode: 0o600 });
      renameSync(`${path}.new`, path);
    }
    this.#digests.set(filter, digest);
    return { digest, flags: filter.flags };
  }

  #loadFilter({ digest, flags }: StoredFilter): SeccompFilter {
    const program = readFileSync(`${this.#root}/seccomp/${digest}`);
    const filter = { program: new Uint8Array(program), flags };
    this.#digests.set(filter, digest);
    return filter;
  }
}

interface StoredFilter {
  readonly digest: string;
  readonly flags: number;
}

type StoredRecord = Omit<TaskRecord, 'filter'> & { readonly filter: StoredFilter | null };

/** Sampan's own file: a shape that it did not write means a newer version or a broken disk. */
function parseStored(text: string): StoredRecord {
  const value: unknown = JSON.parse(text);
  if (isStored(value)) return value;
  throw new SampanError('data-loss', 'the record of a running container is not one');
}

function isStored(value: unknown): value is StoredRecord {
  if (typeof value !== 'object' || value === null) return false;
  if (!('group' in value && 'namespaces' in value && 'ownNetwork' in value && 'filter' in value))
    return false;
  const { group, namespaces, ownNetwork, filter } = value;
  const isFilter =
    filter === null ||
    (typeof filter === 'object' && 'digest' in filter && /^[0-9a-f]{64}$/.test(String(filter.digest)));
  return (
    typeof group === 'string' && Array.isArray(namespaces) && typeof ownNetwork === 'boolean' && isFilter
  );
}
