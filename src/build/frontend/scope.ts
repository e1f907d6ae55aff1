import type { Lookup } from '../../dockerfile/expansion.ts';

/** Build arguments that every RUN has without a declaration; they are neither in histories nor in what a step means. */
export const proxyNames = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'].flatMap(
  (name) => [name, name.toLowerCase()],
);

/** The variables of a stage: what ENV has set, and the arguments declared so far. Never changed: each step makes a new one. */
export interface Scope {
  readonly env: ReadonlyMap<string, string>;
  /** In the order of their declaration; undefined for those without a value. */
  readonly args: ReadonlyMap<string, string | undefined>;
  /** Arguments with a value that were declared after ENV had set a variable of their name, where that counts. */
  readonly shadows: ReadonlyMap<string, string>;
}

type Style = 'classic' | 'buildkit';

/** ENV wins over ARG, wherever it stands: with BuildKit only until an ARG of that name follows. */
export function lookupIn({ env, args, shadows }: Scope): Lookup {
  return (name) => shadows.get(name) ?? env.get(name) ?? args.get(name);
}

export function withEnv(scope: Scope, pairs: readonly (readonly [string, string])[]): Scope {
  const shadows = new Map(scope.shadows);
  for (const [name] of pairs) shadows.delete(name);
  return { ...scope, env: new Map([...scope.env, ...pairs]), shadows };
}

export function withArg(scope: Scope, name: string, value: string | undefined, style: Style): Scope {
  const args = new Map([...scope.args, [name, value] as const]);
  if (style === 'classic' || value === undefined || !scope.env.has(name)) return { ...scope, args };
  return { ...scope, args, shadows: new Map([...scope.shadows, [name, value]]) };
}

/** "NAME=value" entries of an image's configuration. */
export function envOf(entries: readonly string[]): Map<string, string> {
  return new Map(
    entries.map((entry): [string, string] => {
      const equals = entry.indexOf('=');
      return equals < 0 ? [entry, ''] : [entry.slice(0, equals), entry.slice(equals + 1)];
    }),
  );
}

export function entriesOf(env: ReadonlyMap<string, string>): string[] {
  return [...env].map(([name, value]) => `${name}=${value}`);
}

/** Those of the build's arguments that every command sees: "NAME=value". BuildKit gives each in both cases, whichever was given. */
export function proxyEntries(args: Readonly<Record<string, string>>, style: Style): string[] {
  return proxyNames.flatMap((name) => {
    const other = name === name.toLowerCase() ? name.toUpperCase() : name.toLowerCase();
    const value = args[name] ?? (style === 'buildkit' ? args[other] : undefined);
    return value === undefined ? [] : [`${name}=${value}`];
  });
}

/** Whether the stage has a variable of an entry's name itself. */
export function declares({ env, args }: Scope, entry: string): boolean {
  const name = entry.slice(0, entry.indexOf('='));
  return env.has(name) || args.has(name);
}

/** What a command sees: ENV, and arguments that it does not hide. */
export function commandEnv({ env, args, shadows }: Scope): string[] {
  const hidden = [...args].flatMap(([name, value]): [string, string][] =>
    value === undefined || env.has(name) ? [] : [[name, value]],
  );
  return entriesOf(new Map([...env, ...hidden, ...shadows]));
}
