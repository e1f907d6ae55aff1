import type { Handlers } from './call.ts';
import { buildHandlers } from './handlers/build.ts';
import { buildDirectoryHandlers } from './handlers/build-directories.ts';
import { buildMountHandlers } from './handlers/build-mounts.ts';
import { buildShellHandlers } from './handlers/build-shells.ts';
import { buildkitHandlers } from './handlers/buildkit.ts';
import { commitHandlers } from './handlers/commit.ts';
import { containerFileHandlers } from './handlers/container-files.ts';
import { containerStreamHandlers } from './handlers/container-streams.ts';
import { containerHandlers } from './handlers/containers.ts';
import { diskUsageHandlers } from './handlers/disk-usage.ts';
import { execHandlers } from './handlers/execs.ts';
import { imageContentHandlers } from './handlers/image-contents.ts';
import { imageTransferHandlers } from './handlers/image-transfers.ts';
import { imageHandlers } from './handlers/images.ts';
import { networkHandlers } from './handlers/networks.ts';
import { registryHandlers } from './handlers/registries.ts';
import { systemHandlers } from './handlers/system.ts';
import { volumeContentHandlers } from './handlers/volume-contents.ts';
import { volumeHandlers } from './handlers/volumes.ts';

/** One for each route of the table. */
export const handlers: Handlers = {
  ...systemHandlers,
  ...diskUsageHandlers,
  ...containerHandlers,
  ...containerStreamHandlers,
  ...containerFileHandlers,
  ...execHandlers,
  ...imageHandlers,
  ...imageTransferHandlers,
  ...imageContentHandlers,
  ...commitHandlers,
  ...registryHandlers,
  ...buildHandlers,
  ...buildDirectoryHandlers,
  ...buildMountHandlers,
  ...buildShellHandlers,
  ...buildkitHandlers,
  ...networkHandlers,
  ...volumeHandlers,
  ...volumeContentHandlers,
};
