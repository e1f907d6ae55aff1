import type { CatalogEntry } from '../command.ts';

/** Commands about all else. */
export const otherCommands: readonly CatalogEntry[] = [
  {
    path: 'login',
    usage: '[OPTIONS] [SERVER]',
    short: 'Log in to a registry',
    common: 8,
    load: () => import('../commands/login.ts'),
  },
  {
    path: 'logout',
    usage: '[SERVER]',
    short: 'Log out from a registry',
    common: 9,
    load: () => import('../commands/logout.ts'),
  },
  {
    path: 'search',
    usage: '[OPTIONS] TERM',
    short: 'Search a registry for images',
    common: 10,
    load: () => import('../commands/search.ts'),
  },
  {
    path: 'version',
    usage: '[OPTIONS]',
    short: 'Show the versions of client and server',
    common: 11,
    load: () => import('../commands/version.ts'),
  },
  {
    path: 'system info',
    shortcut: 'info',
    usage: '[OPTIONS]',
    short: 'Show facts about the engine and its host',
    common: 12,
    load: () => import('../commands/info.ts'),
  },
  {
    path: 'inspect',
    usage: '[OPTIONS] NAME|ID [NAME|ID...]',
    short: 'Show all details of objects of any kind',
    load: () => import('../commands/inspect.ts'),
  },
  {
    path: 'network inspect',
    usage: '[OPTIONS] NETWORK [NETWORK...]',
    short: 'Show all details of networks',
    load: () => import('../commands/network-inspect.ts'),
  },
  {
    path: 'network ls',
    aliases: ['list'],
    usage: '[OPTIONS]',
    short: 'List networks',
    load: () => import('../commands/network-ls.ts'),
  },
  {
    path: 'system df',
    usage: '[OPTIONS]',
    short: 'Show how much of the disk is used',
    load: () => import('../commands/system-df.ts'),
  },
  {
    path: 'system events',
    shortcut: 'events',
    usage: '[OPTIONS]',
    short: 'Show what happens in the engine, as it happens',
    load: () => import('../commands/events.ts'),
  },
  {
    path: 'system prune',
    usage: '[OPTIONS]',
    short: 'Remove everything that nobody uses',
    load: () => import('../commands/system-prune.ts'),
  },
  {
    path: 'completion bash',
    usage: '',
    short: 'Print the completion script for bash',
    load: () => import('../commands/completion-bash.ts'),
  },
  {
    path: 'completion fish',
    usage: '',
    short: 'Print the completion script for fish',
    load: () => import('../commands/completion-fish.ts'),
  },
  {
    path: 'completion zsh',
    usage: '',
    short: 'Print the completion script for zsh',
    load: () => import('../commands/completion-zsh.ts'),
  },
  {
    path: '__complete',
    usage: '[WORD...]',
    short: 'Print what may follow on a command line',
    hidden: true,
    load: () => import('../commands/complete.ts'),
  },
];
