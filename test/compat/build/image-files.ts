import { createHash } from 'node:crypto';
import type { Json } from '../../fixtures/test-daemon.ts';
import { type TarEntry, tarEntries } from './tar-entries.ts';

/** An image as `GET /images/NAME/get` gives it: its configuration and the file system that its layers make. */
export interface SavedImage {
  readonly id: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** One line for each path, which says all about it. */
  readonly files: ReadonlyMap<string, string>;
}

/** Longer contents are told by their digests. */
const SHOWN = 100;

export async function savedImage(socket: string, id: string): Promise<SavedImage> {
  const seen: Json = await (await fetch(`http://d/images/${id}/json`, { unix: socket })).json();
  // dockerd does not save an image without layers.
  if ((seen.RootFS?.Layers ?? []).length === 0)
    return { id: seen.Id, config: { config: seen.Config }, files: new Map() };
  const answer = await fetch(`http://d/images/${id}/get`, { unix: socket });
  const archive = await answer.bytes();
  if (!answer.ok) throw new Error(`the image cannot be had: ${Buffer.from(archive)}`);
  const members = new Map([...tarEntries(archive)].map((member) => [member.name, member]));
  const content = (name: string): Uint8Array => {
    const member = members.get(name);
    if (member === undefined) throw new Error(`the archive of the image has no ${name}`);
    // An older docker-archive has equal layers as links to one of them.
    return member.type === '2' ? content(beside(name, member.target)) : member.content;
  };
  const [manifest] = JSON.parse(Buffer.from(content('manifest.json')).toString());
  return {
    id: seen.Id,
    config: JSON.parse(Buffer.from(content(manifest.Config)).toString()),
    files: filesOf((manifest.Layers ?? []).map((name: string) => content(name))),
  };
}

function beside(name: string, target: string): string {
  return new URL(target, `file:///${name}`).pathname.slice(1);
}

function filesOf(layers: readonly Uint8Array[]): Map<string, string> {
  const files = new Map<string, TarEntry>();
  for (const layer of layers) {
    const entries = [...tarEntries(layer)];
    // What a layer takes away is below it, wherever in the layer that is said.
    for (const { name } of entries) whiteOut(files, name);
    for (const entry of entries) if (!baseName(entry.name).startsWith('.wh.')) add(files, entry);
  }
  return new Map([...files].map(([name, entry]) => [`/${name}`, describe(entry)]));
}

function whiteOut(files: Map<string, TarEntry>, name: string): void {
  const base = baseName(name);
  const directory = name.slice(0, name.length - base.length);
  if (base === '.wh..wh..opq') removeBelow(files, directory);
  else if (base.startsWith('.wh.')) {
    files.delete(`${directory}${base.slice(4)}`);
    removeBelow(files, `${directory}${base.slice(4)}/`);
  }
}

function add(files: Map<string, TarEntry>, entry: TarEntry): void {
  if (entry.type !== '5') removeBelow(files, `${entry.name}/`);
  // Adding again must not keep the place of the first time: links refer back.
  files.delete(entry.name);
  files.set(entry.name, entry.type === '1' ? linked(files, entry) : entry);
}

function linked(files: ReadonlyMap<string, TarEntry>, { name, target }: TarEntry): TarEntry {
  const other = files.get(target.replace(/^(\.?\/)+/, ''));
  if (other === undefined) throw new Error(`${name} is a link to ${target}, which is not there`);
  return { ...other, name };
}

function removeBelow(files: Map<string, TarEntry>, directory: string): void {
  for (const name of files.keys()) if (name.startsWith(directory)) files.delete(name);
}

function baseName(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

const kinds: Readonly<Record<string, string>> = { 0: '-', 2: 'l', 3: 'c', 4: 'b', 5: 'd', 6: 'p' };

function describe({ type, mode, uid, gid, device, target, content, attributes }: TarEntry): string {
  const what = {
    '0': () => shown(content),
    '2': () => `-> ${target}`,
    '3': () => device.join(':'),
    '4': () => device.join(':'),
  }[type];
  const extended = [...attributes].sort().map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const parts = [
    `${kinds[type] ?? type}${mode.toString(8).padStart(4, '0')}`,
    `${uid}:${gid}`,
    what?.() ?? '',
    ...extended,
  ];
  return parts.filter((part) => part !== '').join(' ');
}

function shown(content: Uint8Array): string {
  const text = Buffer.from(content).toString();
  if (content.length <= SHOWN) return JSON.stringify(text);
  return `${content.length} bytes ${createHash('sha256').update(content).digest('hex').slice(0, 16)}`;
}
