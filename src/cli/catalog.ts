import { containerCommands } from './catalog/containers.ts';
import { imageCommands } from './catalog/images.ts';
import { otherCommands } from './catalog/others.ts';
import { volumeCommands } from './catalog/volumes.ts';
import type { CatalogEntry, GroupEntry } from './command.ts';

/** Every command, with what must be known of it before it is loaded. */

export const groups: readonly GroupEntry[] = [
  { name: 'container', short: 'Manage containers' },
  { name: 'image', short: 'Manage images' },
  { name: 'network', short: 'Manage networks' },
  { name: 'volume', short: 'Manage volumes' },
  { name: 'builder', short: 'Manage the build cache' },
  { name: 'buildx', short: 'Build images', hidden: true },
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
  ...containerCommands,
  ...imageCommands,
  ...otherCommands,
  ...volumeCommands,
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
