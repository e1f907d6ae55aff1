import type { Context } from '../base/context.ts';
import type { Builder } from '../build/contract.ts';
import type { FileTree } from '../build/file-tree.ts';
import type { ContentStore } from '../content/contract.ts';
import type { Images } from '../images/contract.ts';
import type { Digest } from '../oci/digest.ts';
import type { Platform } from '../oci/image.ts';
import type { HistoryStore } from './history/history-store.ts';

/** What BuildKit's doors are made of. */
export interface BuildkitParts {
  readonly builder: Builder;
  readonly images: Pick<Images, 'find' | 'list' | 'load' | 'manifests' | 'save' | 'remove' | 'push'>;
  readonly content: ContentStore;
  /** Of builds that have ended. */
  readonly history: HistoryStore;
  /** The files of an image, to be read. */
  readonly openImage: (context: Context, image: Digest) => Promise<FileTree & AsyncDisposable>;
  /** For sockets, short: their paths have to fit. */
  readonly directory: string;
  readonly version: string;
  /** How layers are kept: "erofs". */
  readonly snapshotter: string;
  /** Stays the same for a data root. */
  readonly id: string;
  /** Whose programs run here, the host's own first. */
  readonly platforms: () => Promise<readonly Platform[]>;
  /** What "host-gateway" means for containers; empty where it means nothing. */
  readonly hostGateway: () => string;
}
