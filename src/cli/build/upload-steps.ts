import { formatReference, parseReference, withDefaultTag } from '../../oci/reference.ts';
import type { BuildEvent } from '../../wire/build-messages.ts';
import type { BuildOutcome } from './build-outcome.ts';
import type { BuildDisplay } from './display.ts';
import type { UploadListener } from './upload.ts';

const UPLOAD = 'local:context';
const EXPORT = 'local:export';
const SENT = 'transferring context:';

/** The steps of a build that are this side's: what is sent at its beginning, and what became of it. */
export class UploadSteps implements UploadListener {
  readonly #display: BuildDisplay;

  /** `sends`: whether a context is sent at all. */
  constructor(display: BuildDisplay, sends: boolean) {
    this.#display = display;
    if (!sends) return;
    this.#apply({ vertex: { digest: UPLOAD, name: '[internal] send build context', inputs: null } });
    this.#apply({ started: { digest: UPLOAD, time: Date.now() } });
  }

  onBytes(bytes: number): void {
    this.#transfer(UPLOAD, SENT, bytes);
  }

  onEnd(bytes: number): void {
    this.#transfer(UPLOAD, SENT, bytes);
    this.#done(UPLOAD);
  }

  /** The image as it is in the store now. */
  exported({ images, index }: BuildOutcome, names: readonly string[]): void {
    this.#apply({ vertex: { digest: EXPORT, name: 'exporting to image', inputs: null } });
    this.#apply({ started: { digest: EXPORT, time: Date.now() } });
    this.#transfer(EXPORT, 'exporting layers', 0);
    for (const { id } of images) this.#transfer(EXPORT, `writing image ${id}`, 0);
    if (index !== undefined) this.#transfer(EXPORT, `writing index ${index.digest}`, 0);
    for (const name of names) {
      const full = formatReference(withDefaultTag(parseReference(name)));
      this.#transfer(EXPORT, `naming to ${full}`, 0);
    }
    this.#done(EXPORT);
  }

  #transfer(digest: string, id: string, current: number): void {
    this.#apply({ transfer: { digest, id, current, total: 0, time: Date.now() } });
  }

  #done(digest: string): void {
    this.#apply({ done: { digest, cached: false, time: Date.now() } });
  }

  #apply(event: BuildEvent): void {
    this.#display.apply(event);
  }
}
