import type { BuildkitParts } from '../parts.ts';
import type { BuildkitVersion, WorkerRecord } from '../protobuf/control-messages.ts';
import type { Value } from '../protobuf/message.ts';

const LABEL = 'org.mobyproject.buildkit.worker.';

/** Who carries steps out, as clients know it: there is one. */
export async function worker(parts: BuildkitParts): Promise<Partial<Value<typeof WorkerRecord>>> {
  const platforms = await parts.platforms();
  const gateway = parts.hostGateway();
  return {
    id: parts.id,
    labels: {
      [`${LABEL}executor`]: 'sampan',
      // Clients take it for the word that images are kept as manifests and indexes: then several platforms, archives, attestations, cache
      // exports and pushes in one step are asked for, which we have.
      [`${LABEL}snapshotter`]: parts.snapshotter,
      ...(gateway === '' ? {} : { [`${LABEL}moby.host-gateway-ip`]: gateway }),
    },
    platforms: platforms.map(({ architecture, os, variant = '' }) => ({ architecture, os, variant })),
    version: versionOf(parts),
  };
}

export function versionOf({ version }: BuildkitParts): Partial<Value<typeof BuildkitVersion>> {
  return { package: 'sampan', version, revision: '' };
}
