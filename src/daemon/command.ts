import { messageOf, SampanError } from '../base/errors.ts';
import type { FlagTable, FlagType } from '../cli/flag.ts';
import { FlagError, parseFlags } from '../cli/flag-parser.ts';
import { flagLines } from '../cli/help.ts';
import { parseBoolean } from '../wire/booleans.ts';
import { type Flags, runDaemon } from './daemon.ts';
import { type Setting, settings } from './settings.ts';

const switchType = (initial: boolean): FlagType<readonly string[]> => ({
  label: '',
  initial: () => [],
  parse: (value) => [String(parseBoolean(value))],
  bare: 'true',
  ...(initial ? { defaultText: 'true' } : {}),
});

/** Every occurrence's text, in order: `resolveConfiguration` reads them. */
function textType(setting: Setting): FlagType<readonly string[]> {
  const labels = {
    string: 'string',
    int: 'int',
    list: 'list',
    map: 'map',
    bytes: 'bytes',
    ulimits: 'ulimit',
    pools: 'pool-options',
    options: 'driver-options',
  } as const;
  if (setting.type === 'bool') return switchType(setting.default === 'true');
  const shown = setting.type === 'string' ? JSON.stringify(setting.default) : setting.default;
  return {
    label: labels[setting.type],
    initial: () => [],
    parse: (value, current) => [...current, value],
    ...(setting.default === undefined ? {} : { defaultText: shown ?? '' }),
  };
}

const daemonFlags: FlagTable = {
  ...Object.fromEntries(
    Object.values<Setting>(settings).map((setting) => [
      setting.flag,
      {
        type: textType(setting),
        usage: setting.description,
        ...(setting.shorthand === undefined ? {} : { short: setting.shorthand }),
      },
    ]),
  ),
  help: { type: switchType(false), usage: 'Print usage', hidden: true, short: 'h' },
};

/** `sampan daemon [OPTIONS]`: resolves to the exit status once the daemon has ended. */
export async function runDaemonCommand(args: readonly string[]): Promise<number> {
  try {
    const parsed = parseFlags(daemonFlags, args, { interspersed: true });
    if (parsed.spelled.has('help')) {
      process.stdout.write(helpPage());
      return 0;
    }
    if (parsed.args.length > 0)
      throw new FlagError(`"sampan daemon" accepts no arguments: ${parsed.args.join(' ')}`);
    return await runDaemon(new Map(Object.entries(parsed.values)) as Flags);
  } catch (error) {
    const help = error instanceof FlagError ? "\nSee 'sampan daemon --help'." : '';
    const hint = error instanceof SampanError && error.hint !== undefined ? `\n${error.hint}` : '';
    process.stderr.write(`failed to start daemon: ${messageOf(error)}${hint}${help}\n`);
    return error instanceof FlagError ? 125 : 1;
  }
}

function helpPage(): string {
  const width = process.stdout.columns ?? 80;
  return `Usage:  sampan daemon [OPTIONS]\n\nRuns the container engine\n\nOptions:\n${flagLines(daemonFlags, width)}\n`;
}
