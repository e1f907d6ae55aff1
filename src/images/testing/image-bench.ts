import type { Database } from 'bun:sqlite';
import { background, type Context } from '../../base/context.ts';
import { openDatabase } from '../../base/database.ts';
import { MemoryContentStore } from '../../content/memory-store.ts';
import type { ImageUsers } from '../contract.ts';
import { openImages, type StoredImages } from '../images.ts';
import { imagesSchema } from '../schema.ts';
import { MemoryRegistry } from './memory-registry.ts';
import { MemorySnapshots } from './memory-snapshots.ts';

/** Images over stores in memory. */
export class ImageBench implements Disposable {
  readonly context: Context = background();
  readonly database: Database = openDatabase(':memory:', [imagesSchema]);
  readonly content = new MemoryContentStore();
  readonly snapshots = new MemorySnapshots(this.content);
  readonly registry = new MemoryRegistry();
  /** "action name", in the order in which they came. */
  readonly events: string[] = [];
  users: ReturnType<ImageUsers['containersOf']> = [];
  usersOf: ImageUsers['containersOf'] = () => this.users;

  open(): Promise<StoredImages> {
    return openImages({
      database: this.database,
      content: this.content,
      snapshots: this.snapshots,
      events: { publish: ({ action, attributes }) => this.events.push(`${action} ${attributes['name']}`) },
      users: { containersOf: (id) => this.usersOf(id) },
      registries: this.registry,
    });
  }

  [Symbol.dispose](): void {
    this.database.close();
  }
}
