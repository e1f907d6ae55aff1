import { ownValue } from '../../base/own-value.ts';
import type { Dockerfile } from '../../dockerfile/dockerfile.ts';
import { at } from '../../dockerfile/errors.ts';
import { expand } from '../../dockerfile/expansion.ts';
import type { CompileOptions } from './compile.ts';
import { platformArgs } from './platform-args.ts';

/** The arguments before the first FROM, with those that say the platform: what the build's own say wins. */
export function globalArgs(
  { globals, directives }: Dockerfile,
  { platform, host, target, args }: Pick<CompileOptions, 'platform' | 'host' | 'target' | 'args'>,
): ReadonlyMap<string, string | undefined> {
  const values = new Map<string, string | undefined>(platformArgs(platform, host, target));
  for (const name of values.keys()) if (args[name] !== undefined) values.set(name, args[name]);
  for (const { pairs, lines } of globals) {
    for (const { name, value } of pairs) {
      const lookup = (other: string): string | undefined => values.get(other);
      const options = { escape: directives.escape, lookup };
      const own = value === undefined ? undefined : at(lines, () => expand(value, options));
      values.set(name, ownValue(args, name) ?? own ?? values.get(name));
    }
  }
  return values;
}
