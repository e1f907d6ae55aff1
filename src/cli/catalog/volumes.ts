import type { CatalogEntry } from '../command.ts';

/** Commands about volumes. */
export const volumeCommands: readonly CatalogEntry[] = [
  {
    path: 'volume create',
    usage: '[OPTIONS] [VOLUME]',
    short: 'Make a volume',
    load: () => import('../commands/volume-create.ts'),
  },
  {
    path: 'volume inspect',
    usage: '[OPTIONS] VOLUME [VOLUME...]',
    short: 'Show all details of volumes',
    load: () => import('../commands/volume-inspect.ts'),
  },
  {
    path: 'volume ls',
    aliases: ['list'],
    usage: '[OPTIONS]',
    short: 'List volumes',
    load: () => import('../commands/volume-ls.ts'),
  },
  {
    path: 'volume prune',
    usage: '[OPTIONS]',
    short: 'Remove volumes that no container uses',
    load: () => import('../commands/volume-prune.ts'),
  },
  {
    path: 'volume rm',
    aliases: ['remove'],
    usage: '[OPTIONS] VOLUME [VOLUME...]',
    short: 'Remove volumes',
    load: () => import('../commands/volume-rm.ts'),
  },
  {
    path: 'volume update',
    usage: '[OPTIONS] [VOLUME]',
    short: 'Change a volume of a cluster',
    load: () => import('../commands/volume-update.ts'),
  },
  {
    path: 'volume rename',
    usage: 'VOLUME NEW_NAME',
    short: 'Rename a volume',
    load: () => import('../commands/volume-rename.ts'),
  },
  {
    path: 'volume clone',
    usage: 'VOLUME NEW_VOLUME',
    short: 'Make a volume with the content of another',
    load: () => import('../commands/volume-clone.ts'),
  },
  {
    path: 'volume snapshot',
    usage: '[OPTIONS] VOLUME [SNAPSHOT]',
    short: 'Keep a copy of a volume beside it',
    load: () => import('../commands/volume-snapshot.ts'),
  },
  {
    path: 'volume snapshots',
    usage: '[OPTIONS] VOLUME',
    short: 'List the copies that are kept beside a volume',
    load: () => import('../commands/volume-snapshots.ts'),
  },
  {
    path: 'volume restore',
    usage: 'VOLUME SNAPSHOT',
    short: 'Put a kept copy in the place of what is in a volume',
    load: () => import('../commands/volume-restore.ts'),
  },
  {
    path: 'volume export',
    usage: '[OPTIONS] VOLUME',
    short: 'Write what is in a volume as a tar archive',
    load: () => import('../commands/volume-export.ts'),
  },
  {
    path: 'volume import',
    usage: 'VOLUME [FILE|-]',
    short: 'Fill a new or an empty volume from a tar archive',
    load: () => import('../commands/volume-import.ts'),
  },
];
