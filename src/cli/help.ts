import { type CatalogEntry, type Command, type GroupEntry, usageLine } from './command.ts';
import type { Flag, FlagTable } from './flag.ts';
import { displayWidth } from './format/tabwriter.ts';

/** Help pages in the layout that cobra and pflag give Docker's. */

export interface CommandPage {
  readonly programName: string;
  readonly commandPath: string;
  readonly entry: CatalogEntry;
  readonly command: Command;
  /** Columns of the terminal. */
  readonly width: number;
}

export function commandHelp(page: CommandPage): string {
  const { programName, entry, command } = page;
  const parts = [
    `Usage:  ${usageLine(programName, page.commandPath, entry.usage)}`,
    command.long?.(programName).trim() ?? entry.short,
  ];
  const names = allNames(entry);
  if (names.length > 1) parts.push(`Aliases:\n  ${names.map((name) => `${programName} ${name}`).join(', ')}`);
  const flags = flagLines(command.flags, page.width);
  if (flags !== '') parts.push(`Options:\n${flags}`);
  return `${parts.join('\n\n')}\n`;
}

/** Every spelling of a command, in the order of Docker's help pages. */
function allNames(entry: CatalogEntry): string[] {
  const group = entry.path.includes(' ') ? `${entry.path.split(' ', 1)[0]} ` : '';
  const aliases = (entry.aliases ?? []).map((alias) => group + alias);
  return [entry.path, ...aliases, ...(entry.shortcut === undefined ? [] : [entry.shortcut])];
}

interface Listed {
  readonly name: string;
  readonly short: string;
}

function commandList(title: string, commands: readonly Listed[]): string {
  const lines = commands.map(({ name, short }) => `  ${name.padEnd(11)} ${short}`);
  return [`${title}:`, ...lines].join('\n');
}

const byName = (left: Listed, right: Listed): number => (left.name < right.name ? -1 : 1);

export function groupHelp(programName: string, group: GroupEntry, entries: readonly CatalogEntry[]): string {
  const commands = entries
    .filter((entry) => !entry.hidden && entry.path.startsWith(`${group.name} `))
    .map((entry) => ({ name: entry.path.slice(group.name.length + 1), short: entry.short }))
    .sort(byName);
  const path = `${programName} ${group.name}`;
  return `${[
    `Usage:  ${path} COMMAND`,
    group.long?.(programName).trim() ?? group.short,
    commandList('Commands', commands),
    `Run '${path} COMMAND --help' for more information on a command.`,
  ].join('\n\n')}\n`;
}

export interface RootPage {
  readonly programName: string;
  readonly groups: readonly GroupEntry[];
  readonly entries: readonly CatalogEntry[];
  readonly flags: FlagTable;
  readonly width: number;
}

export function rootHelp(page: RootPage): string {
  const { programName, entries } = page;
  const top = entries
    .filter((entry) => !entry.hidden)
    .flatMap((entry) => {
      const name = entry.shortcut ?? (entry.path.includes(' ') ? undefined : entry.path);
      return name === undefined ? [] : [{ name, short: entry.short, common: entry.common }];
    });
  const common = top.filter((one) => one.common !== undefined);
  const groups = page.groups.filter((group) => !group.hidden);
  return `${[
    `Usage:  ${programName} [OPTIONS] COMMAND`,
    'Runs containers, and keeps their images, networks and volumes',
    commandList(
      'Common Commands',
      common.sort((a, b) => (a.common ?? 0) - (b.common ?? 0)),
    ),
    commandList('Management Commands', [...groups].sort(byName)),
    commandList('Commands', top.filter((one) => one.common === undefined).sort(byName)),
    `Global Options:\n${flagLines(page.flags, page.width)}`,
    `Run '${programName} COMMAND --help' for more information on a command.`,
  ].join('\n\n')}\n`;
}

/** The flags in two columns, the second wrapped to the terminal. Empty when there is none to show. */
export function flagLines(table: FlagTable, width: number): string {
  const shown = Object.entries(table)
    .filter(([, entry]) => isShown(entry))
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, entry]) => ({ left: flagSpelling(name, entry), entry }));
  const column = Math.max(0, ...shown.map(({ left }) => left.length)) + 3;
  return shown
    .map(({ left, entry }) => left.padEnd(column) + wrap(flagUsage(entry), column, width - 1))
    .join('\n');
}

function isShown(entry: Flag<unknown>): boolean {
  return !entry.hidden && !entry.windowsOnly && entry.deprecated === undefined;
}

function flagSpelling(name: string, { short, type }: Flag<unknown>): string {
  const names = short === undefined ? `      --${name}` : `  -${short}, --${name}`;
  return type.label === '' ? names : `${names} ${type.label}`;
}

function flagUsage({ usage, type }: Flag<unknown>): string {
  return type.defaultText === undefined ? usage : `${usage} (default ${type.defaultText})`;
}

/** pflag keeps a line's last word on it if it overhangs by no more than this. */
const SLACK = 5;
const MIN_TEXT_WIDTH = 24;

function wrap(text: string, indent: number, width: number): string {
  if (width <= 0) return text.replaceAll('\n', `\n${' '.repeat(indent)}`);
  if (width - indent < MIN_TEXT_WIDTH)
    return `\n${' '.repeat(16)}${wrap(text, 16, Math.max(width, 16 + MIN_TEXT_WIDTH))}`;
  const room = width - indent - SLACK;
  const lines: string[] = [];
  for (let rest = text; rest !== ''; ) {
    const [line, after] = takeLine(rest, room);
    lines.push(line);
    rest = after;
  }
  return lines.join('\n').replaceAll('\n', `\n${' '.repeat(indent)}`);
}

function takeLine(text: string, room: number): [string, string] {
  if (room + SLACK > displayWidth(text)) return [text, ''];
  const part = text.slice(0, room);
  const blank = Math.max(part.lastIndexOf(' '), part.lastIndexOf('\t'), part.lastIndexOf('\n'));
  if (blank <= 0) return [text, ''];
  const newline = part.lastIndexOf('\n');
  const at = newline > 0 && newline < blank ? newline : blank;
  return [text.slice(0, at), text.slice(at + 1)];
}
