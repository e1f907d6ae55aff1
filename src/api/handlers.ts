import type { Handlers } from './call.ts';
import { containerStreamHandlers } from './handlers/container-streams.ts';
import { containerHandlers } from './handlers/containers.ts';
import { execHandlers } from './handlers/execs.ts';
import { imageTransferHandlers } from './handlers/image-transfers.ts';
import { imageHandlers } from './handlers/images.ts';
import { networkHandlers } from './handlers/networks.ts';
import { systemHandlers } from './handlers/system.ts';
import { volumeHandlers } from './handlers/volumes.ts';

/** One for each route of the table. */
export const handlers: Handlers = {
  ...systemHandlers,
  ...containerHandlers,
  ...containerStreamHandlers,
  ...execHandlers,
  ...imageHandlers,
  ...imageTransferHandlers,
  ...networkHandlers,
  ...volumeHandlers,
};
