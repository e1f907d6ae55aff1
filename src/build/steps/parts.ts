import type { ImageMaker } from '../../images/contract.ts';
import type { Digest } from '../../oci/digest.ts';
import type { LayersTreeParts } from '../files/layers-tree.ts';
import type { KeptSources } from '../sources/kept-sources.ts';

/** What the steps that make files need. */
export interface FileStepParts extends LayersTreeParts {
  readonly images: Pick<ImageMaker, 'leaseLayers' | 'receiveLayer'>;
  /** The layers of an image that is here, bottom first. */
  readonly layersOfImage: (image: Digest) => readonly Digest[];
  /** What is kept of what comes from elsewhere. */
  readonly sources: KeptSources;
  /** Host directory for what is there only while it is used. */
  readonly directory: string;
  /** Bytes that a download, a checkout or an archive may have. */
  readonly maxBytes?: number;
}
