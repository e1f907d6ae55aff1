import { humanSize } from '../../wire/sizes.ts';
import type { Volume } from '../../wire/volume-types.ts';
import type { Listing } from '../format/listing.ts';
import { labelText } from './labels.ts';

const notKnown = (): string => 'N/A';

/** Columns of `volume ls`. */
export const volumeListing: Listing<Volume> = {
  typeName: '*formatter.volumeContext',
  headings: {
    Name: 'VOLUME NAME',
    Group: 'GROUP',
    Driver: 'DRIVER',
    Scope: 'SCOPE',
    Availability: 'AVAILABILITY',
    Mountpoint: 'MOUNTPOINT',
    Labels: 'LABELS',
    Links: 'LINKS',
    Size: 'SIZE',
    Status: 'STATUS',
  },
  columns: {
    Name: ({ Name }) => Name,
    Driver: ({ Driver }) => Driver,
    Scope: ({ Scope }) => Scope,
    Mountpoint: ({ Mountpoint }) => Mountpoint,
    Labels: ({ Labels }) => labelText(Labels),
    Links: ({ UsageData }) => (UsageData ? String(UsageData.RefCount) : 'N/A'),
    Size: ({ UsageData }) => (UsageData ? humanSize(UsageData.Size) : 'N/A'),
    Group: notKnown,
    Availability: notKnown,
    Status: notKnown,
  },
  labels: ({ Labels }) => Labels,
};
