import type { CatalogEntry, GroupEntry } from './command.ts';

/** Every command, with what must be known of it before it is loaded. */

export const groups: readonly GroupEntry[] = [
  { name: 'container', short: 'Manage containers' },
  { name: 'image', short: 'Manage images' },
  { name: 'network', short: 'Manage networks' },
  { name: 'volume', short: 'Manage volumes' },
  { name: 'system', short: 'Manage the engine as a whole' },
  {
    name: 'manifest',
    short: 'Manage manifest lists',
    long: () =>
      'Manage manifest lists: one name for images of several platforms.\nLists are made here from images in a registry, and then pushed to it.',
  },
  {
    name: 'completion',
    short: 'Print a completion script for a shell',
    hidden: true,
    long: (program) =>
      `Print the script that completes ${program}'s command lines in a shell.\nThe help page of each says how to use it.`,
  },
];

export const catalog: readonly CatalogEntry[] = [
  {
    path: 'container run',
    shortcut: 'run',
    usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
    short: 'Make a container from an image and start it',
    common: 1,
    load: () => import('./commands/run.ts'),
  },
  {
    path: 'container exec',
    shortcut: 'exec',
    usage: '[OPTIONS] CONTAINER COMMAND [ARG...]',
    short: 'Run a command in a running container',
    common: 2,
    load: () => import('./commands/exec.ts'),
  },
  {
    path: 'container ls',
    aliases: ['list', 'ps'],
    shortcut: 'ps',
    usage: '[OPTIONS]',
    short: 'List containers',
    common: 3,
    load: () => import('./commands/ps.ts'),
  },
  {
    path: 'image pull',
    shortcut: 'pull',
    usage: '[OPTIONS] NAME[:TAG|@DIGEST]',
    short: 'Download an image from a registry',
    common: 5,
    load: () => import('./commands/pull.ts'),
  },
  {
    path: 'image push',
    shortcut: 'push',
    usage: '[OPTIONS] NAME[:TAG]',
    short: 'Upload an image to a registry',
    common: 6,
    load: () => import('./commands/push.ts'),
  },
  {
    path: 'login',
    usage: '[OPTIONS] [SERVER]',
    short: 'Log in to a registry',
    common: 8,
    load: () => import('./commands/login.ts'),
  },
  {
    path: 'logout',
    usage: '[SERVER]',
    short: 'Log out from a registry',
    common: 9,
    load: () => import('./commands/logout.ts'),
  },
  {
    path: 'search',
    usage: '[OPTIONS] TERM',
    short: 'Search a registry for images',
    common: 10,
    load: () => import('./commands/search.ts'),
  },
  {
    path: 'image ls',
    aliases: ['list'],
    shortcut: 'images',
    usage: '[OPTIONS] [REPOSITORY[:TAG]]',
    short: 'List images',
    common: 7,
    load: () => import('./commands/images.ts'),
  },
  {
    path: 'version',
    usage: '[OPTIONS]',
    short: 'Show the versions of client and server',
    common: 11,
    load: () => import('./commands/version.ts'),
  },
  {
    path: 'system info',
    shortcut: 'info',
    usage: '[OPTIONS]',
    short: 'Show facts about the engine and its host',
    common: 12,
    load: () => import('./commands/info.ts'),
  },
  {
    path: 'container attach',
    shortcut: 'attach',
    usage: '[OPTIONS] CONTAINER',
    short: 'Connect the terminal to the streams of a running container',
    load: () => import('./commands/attach.ts'),
  },
  {
    path: 'container create',
    shortcut: 'create',
    usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
    short: 'Make a container without starting it',
    load: () => import('./commands/create.ts'),
  },
  {
    path: 'container inspect',
    usage: '[OPTIONS] CONTAINER [CONTAINER...]',
    short: 'Show all details of containers',
    load: () => import('./commands/container-inspect.ts'),
  },
  {
    path: 'container kill',
    shortcut: 'kill',
    usage: '[OPTIONS] CONTAINER [CONTAINER...]',
    short: 'Send a signal to running containers, SIGKILL by default',
    load: () => import('./commands/kill.ts'),
  },
  {
    path: 'container logs',
    shortcut: 'logs',
    usage: '[OPTIONS] CONTAINER',
    short: 'Show what a container has written',
    load: () => import('./commands/logs.ts'),
  },
  {
    path: 'container pause',
    shortcut: 'pause',
    usage: 'CONTAINER [CONTAINER...]',
    short: 'Freeze all processes of containers',
    load: () => import('./commands/pause.ts'),
  },
  {
    path: 'container port',
    shortcut: 'port',
    usage: 'CONTAINER [PRIVATE_PORT[/PROTO]]',
    short: "List a container's published ports, or look one up",
    load: () => import('./commands/port.ts'),
  },
  {
    path: 'container prune',
    usage: '[OPTIONS]',
    short: 'Remove all stopped containers',
    load: () => import('./commands/container-prune.ts'),
  },
  {
    path: 'container rename',
    shortcut: 'rename',
    usage: 'CONTAINER NEW_NAME',
    short: 'Rename a container',
    load: () => import('./commands/rename.ts'),
  },
  {
    path: 'container restart',
    shortcut: 'restart',
    usage: '[OPTIONS] CONTAINER [CONTAINER...]',
    short: 'Stop and start containers',
    load: () => import('./commands/restart.ts'),
  },
  {
    path: 'container rm',
    aliases: ['remove'],
    shortcut: 'rm',
    usage: '[OPTIONS] CONTAINER [CONTAINER...]',
    short: 'Remove containers',
    load: () => import('./commands/rm.ts'),
  },
  {
    path: 'container start',
    shortcut: 'start',
    usage: '[OPTIONS] CONTAINER [CONTAINER...]',
    short: 'Start stopped containers',
    load: () => import('./commands/start.ts'),
  },
  {
    path: 'container stats',
    shortcut: 'stats',
    usage: '[OPTIONS] [CONTAINER...]',
    short: 'Show what containers use, as it changes',
    load: () => import('./commands/stats.ts'),
  },
  {
    path: 'container stop',
    shortcut: 'stop',
    usage: '[OPTIONS] CONTAINER [CONTAINER...]',
    short: 'Stop running containers',
    load: () => import('./commands/stop.ts'),
  },
  {
    path: 'container top',
    shortcut: 'top',
    usage: 'CONTAINER [ps OPTIONS]',
    short: 'List the processes of a container',
    load: () => import('./commands/top.ts'),
  },
  {
    path: 'container unpause',
    shortcut: 'unpause',
    usage: 'CONTAINER [CONTAINER...]',
    short: 'Let the processes of containers go on',
    load: () => import('./commands/unpause.ts'),
  },
  {
    path: 'container update',
    shortcut: 'update',
    usage: '[OPTIONS] CONTAINER [CONTAINER...]',
    short: 'Change the limits and restart policy of containers',
    load: () => import('./commands/update.ts'),
  },
  {
    path: 'container wait',
    shortcut: 'wait',
    usage: 'CONTAINER [CONTAINER...]',
    short: 'Wait until containers stop, and print their exit codes',
    load: () => import('./commands/wait.ts'),
  },
  {
    path: 'image history',
    shortcut: 'history',
    usage: '[OPTIONS] IMAGE',
    short: 'Show how an image was made',
    load: () => import('./commands/history.ts'),
  },
  {
    path: 'image import',
    shortcut: 'import',
    usage: '[OPTIONS] file|URL|- [REPOSITORY[:TAG]]',
    short: 'Make an image of the files in a tar archive',
    load: () => import('./commands/import.ts'),
  },
  {
    path: 'image inspect',
    usage: '[OPTIONS] IMAGE [IMAGE...]',
    short: 'Show all details of images',
    load: () => import('./commands/image-inspect.ts'),
  },
  {
    path: 'image load',
    shortcut: 'load',
    usage: '[OPTIONS]',
    short: 'Load images from a tar archive or standard input',
    load: () => import('./commands/load.ts'),
  },
  {
    path: 'image rm',
    aliases: ['remove'],
    shortcut: 'rmi',
    usage: '[OPTIONS] IMAGE [IMAGE...]',
    short: 'Remove images',
    load: () => import('./commands/rmi.ts'),
  },
  {
    path: 'image tag',
    shortcut: 'tag',
    usage: 'SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]',
    short: 'Give an image another name',
    load: () => import('./commands/tag.ts'),
  },
  {
    path: 'inspect',
    usage: '[OPTIONS] NAME|ID [NAME|ID...]',
    short: 'Show all details of objects of any kind',
    load: () => import('./commands/inspect.ts'),
  },
  {
    path: 'network inspect',
    usage: '[OPTIONS] NETWORK [NETWORK...]',
    short: 'Show all details of networks',
    load: () => import('./commands/network-inspect.ts'),
  },
  {
    path: 'network ls',
    aliases: ['list'],
    usage: '[OPTIONS]',
    short: 'List networks',
    load: () => import('./commands/network-ls.ts'),
  },
  {
    path: 'system events',
    shortcut: 'events',
    usage: '[OPTIONS]',
    short: 'Show what happens in the engine, as it happens',
    load: () => import('./commands/events.ts'),
  },
  {
    path: 'volume create',
    usage: '[OPTIONS] [VOLUME]',
    short: 'Make a volume',
    load: () => import('./commands/volume-create.ts'),
  },
  {
    path: 'volume inspect',
    usage: '[OPTIONS] VOLUME [VOLUME...]',
    short: 'Show all details of volumes',
    load: () => import('./commands/volume-inspect.ts'),
  },
  {
    path: 'volume ls',
    aliases: ['list'],
    usage: '[OPTIONS]',
    short: 'List volumes',
    load: () => import('./commands/volume-ls.ts'),
  },
  {
    path: 'volume rm',
    aliases: ['remove'],
    usage: '[OPTIONS] VOLUME [VOLUME...]',
    short: 'Remove volumes',
    load: () => import('./commands/volume-rm.ts'),
  },
  {
    path: 'completion bash',
    usage: '',
    short: 'Print the completion script for bash',
    load: () => import('./commands/completion-bash.ts'),
  },
  {
    path: 'completion fish',
    usage: '',
    short: 'Print the completion script for fish',
    load: () => import('./commands/completion-fish.ts'),
  },
  {
    path: 'completion zsh',
    usage: '',
    short: 'Print the completion script for zsh',
    load: () => import('./commands/completion-zsh.ts'),
  },
  {
    path: '__complete',
    usage: '[WORD...]',
    short: 'Print what may follow on a command line',
    hidden: true,
    load: () => import('./commands/complete.ts'),
  },
];

/** The command of one or two words, by path, alias or shortcut. */
export function findCommand(words: readonly string[]): CatalogEntry | undefined {
  const name = words.join(' ');
  return catalog.find((entry) => {
    if (entry.path === name || entry.shortcut === name) return true;
    const [group] = entry.path.split(' ');
    return (entry.aliases ?? []).some((alias) => name === `${group} ${alias}`);
  });
}

export function findGroup(name: string): GroupEntry | undefined {
  return groups.find((group) => group.name === name);
}
