import { familiarReference, parseReference } from '../../oci/reference.ts';
import type { ContainerSummary } from '../../wire/container-types.ts';
import { humanDuration } from '../../wire/durations.ts';
import { humanSize } from '../../wire/sizes.ts';
import { ellipsis, shortId } from '../format/ellipsis.ts';
import type { Listing } from '../format/listing.ts';
import { displayPorts } from '../format/ports.ts';
import { goQuote } from '../format/quote.ts';
import { formatLocalTime } from '../format/time.ts';
import { labelText } from './labels.ts';

/** Columns of `ps`. `now` in milliseconds. */
export function containerListing(truncate: boolean, now: number): Listing<ContainerSummary> {
  return {
    typeName: '*formatter.ContainerContext',
    headings: {
      ID: 'CONTAINER ID',
      Names: 'NAMES',
      Image: 'IMAGE',
      Command: 'COMMAND',
      CreatedAt: 'CREATED AT',
      RunningFor: 'CREATED',
      Ports: 'PORTS',
      State: 'STATE',
      Status: 'STATUS',
      Size: 'SIZE',
      Labels: 'LABELS',
      Mounts: 'MOUNTS',
      LocalVolumes: 'LOCAL VOLUMES',
      Networks: 'NETWORKS',
      Platform: 'PLATFORM',
    },
    columns: {
      ID: ({ Id }) => (truncate ? shortId(Id) : Id),
      Names: ({ Names }) => namesText(Names ?? [], truncate),
      Image: (container) => imageText(container, truncate),
      Command: ({ Command }) => goQuote(truncate ? ellipsis(Command, 20) : Command),
      CreatedAt: ({ Created }) => formatLocalTime(Created),
      RunningFor: ({ Created }) => `${humanDuration(now - Created * 1000)} ago`,
      Platform: ({ ImageManifestDescriptor }) => ImageManifestDescriptor?.platform ?? null,
      Ports: ({ Ports }) => displayPorts(Ports ?? []),
      State: ({ State }) => State,
      Status: ({ Status }) => Status,
      Size: sizeText,
      Labels: ({ Labels }) => labelText(Labels),
      Mounts: ({ Mounts }) =>
        (Mounts ?? [])
          .map(({ Name, Source }) => Name || Source)
          .map((name) => (truncate ? ellipsis(name, 15) : name))
          .join(','),
      LocalVolumes: ({ Mounts }) => String((Mounts ?? []).filter(({ Driver }) => Driver === 'local').length),
      Networks: ({ NetworkSettings }) => Object.keys(NetworkSettings?.Networks ?? {}).join(','),
    },
    labels: ({ Labels }) => Labels,
  };
}

/** Names without their slash; truncated, the one that is not a link's. */
function namesText(names: readonly string[], truncate: boolean): string {
  const plain = names.map((name) => name.slice(1));
  const own = truncate ? plain.find((name) => !name.includes('/')) : undefined;
  return own ?? plain.join(',');
}

function imageText({ Image, ImageID }: ContainerSummary, truncate: boolean): string {
  if (Image === '') return '<no image>';
  if (!truncate) return Image;
  const short = shortId(ImageID);
  if (short === shortId(Image)) return short;
  try {
    return familiarReference({ ...parseReference(Image), digest: undefined });
  } catch {
    return Image;
  }
}

function sizeText({ SizeRw = 0, SizeRootFs = 0 }: ContainerSummary): string {
  const written = humanSize(SizeRw, 3);
  return SizeRootFs > 0 ? `${written} (virtual ${humanSize(SizeRootFs, 3)})` : written;
}
