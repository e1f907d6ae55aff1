import type { CatalogEntry } from '../command.ts';

const build = {
  usage: '[OPTIONS] PATH | URL | -',
  short: 'Build an image from a Dockerfile',
  load: () => import('../commands/build.ts'),
} as const;

const prune = {
  usage: '',
  short: 'Empty the build cache',
  load: () => import('../commands/builder-prune.ts'),
} as const;

/** Commands about images, how they are built, and lists of them. */
export const imageCommands: readonly CatalogEntry[] = [
  { path: 'image build', shortcut: 'build', common: 4, ...build },
  { path: 'builder build', ...build },
  { path: 'buildx build', aliases: ['b'], ...build },
  { path: 'builder prune', ...prune },
  { path: 'buildx prune', ...prune },
  {
    path: 'builder export',
    usage: '[OPTIONS] MOUNT',
    short: 'Write what is in a cache mount as a tar archive',
    load: () => import('../commands/builder-export.ts'),
  },
  {
    path: 'builder import',
    usage: 'MOUNT [FILE|-]',
    short: 'Fill a cache mount from a tar archive',
    load: () => import('../commands/builder-import.ts'),
  },
  {
    path: 'image pull',
    shortcut: 'pull',
    usage: '[OPTIONS] NAME[:TAG|@DIGEST]',
    short: 'Download an image from a registry',
    common: 5,
    load: () => import('../commands/pull.ts'),
  },
  {
    path: 'image push',
    shortcut: 'push',
    usage: '[OPTIONS] NAME[:TAG]',
    short: 'Upload an image to a registry',
    common: 6,
    load: () => import('../commands/push.ts'),
  },
  {
    path: 'image ls',
    aliases: ['list'],
    shortcut: 'images',
    usage: '[OPTIONS] [REPOSITORY[:TAG]]',
    short: 'List images',
    common: 7,
    load: () => import('../commands/images.ts'),
  },
  {
    path: 'image history',
    shortcut: 'history',
    usage: '[OPTIONS] IMAGE',
    short: 'Show how an image was made',
    load: () => import('../commands/history.ts'),
  },
  {
    path: 'image import',
    shortcut: 'import',
    usage: '[OPTIONS] file|URL|- [REPOSITORY[:TAG]]',
    short: 'Make an image of the files in a tar archive',
    load: () => import('../commands/import.ts'),
  },
  {
    path: 'image inspect',
    usage: '[OPTIONS] IMAGE [IMAGE...]',
    short: 'Show all details of images',
    load: () => import('../commands/image-inspect.ts'),
  },
  {
    path: 'image layers',
    usage: '[OPTIONS] IMAGE',
    short: 'Show what each layer of an image adds, changes, removes and wastes',
    load: () => import('../commands/image-layers.ts'),
  },
  {
    path: 'image load',
    shortcut: 'load',
    usage: '[OPTIONS]',
    short: 'Load images from a tar archive or standard input',
    load: () => import('../commands/load.ts'),
  },
  {
    path: 'image mount',
    usage: '[OPTIONS] [IMAGE]',
    short: 'Mount a read-only view of an image, or list those that are mounted',
    load: () => import('../commands/image-mount.ts'),
  },
  {
    path: 'image prune',
    usage: '[OPTIONS]',
    short: 'Remove images that nobody uses',
    load: () => import('../commands/image-prune.ts'),
  },
  {
    path: 'image rm',
    aliases: ['remove'],
    shortcut: 'rmi',
    usage: '[OPTIONS] IMAGE [IMAGE...]',
    short: 'Remove images',
    load: () => import('../commands/rmi.ts'),
  },
  {
    path: 'image save',
    shortcut: 'save',
    usage: '[OPTIONS] IMAGE [IMAGE...]',
    short: 'Write images as a tar archive',
    load: () => import('../commands/save.ts'),
  },
  {
    path: 'image tag',
    shortcut: 'tag',
    usage: 'SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]',
    short: 'Give an image another name',
    load: () => import('../commands/tag.ts'),
  },
  {
    path: 'image unmount',
    aliases: ['umount'],
    usage: '[OPTIONS] [IMAGE...]',
    short: 'Take views of images away again',
    load: () => import('../commands/image-unmount.ts'),
  },
  {
    path: 'manifest annotate',
    usage: '[OPTIONS] MANIFEST_LIST MANIFEST',
    short: 'Say what an image of a manifest list is for',
    load: () => import('../commands/manifest-annotate.ts'),
  },
  {
    path: 'manifest create',
    usage: 'MANIFEST_LIST MANIFEST [MANIFEST...]',
    short: 'Make a manifest list of images in a registry',
    load: () => import('../commands/manifest-create.ts'),
  },
  {
    path: 'manifest inspect',
    usage: '[OPTIONS] [MANIFEST_LIST] MANIFEST',
    short: 'Show a manifest or a manifest list',
    load: () => import('../commands/manifest-inspect.ts'),
  },
  {
    path: 'manifest push',
    usage: '[OPTIONS] MANIFEST_LIST',
    short: 'Upload a manifest list to its registry',
    load: () => import('../commands/manifest-push.ts'),
  },
  {
    path: 'manifest rm',
    usage: 'MANIFEST_LIST [MANIFEST_LIST...]',
    short: 'Remove manifest lists that are kept here',
    load: () => import('../commands/manifest-rm.ts'),
  },
];
