import type { BuildShellStart } from '../../wire/build-messages.ts';
import { CommandError } from '../command-error.ts';
import { parseCsvLine } from '../csv.ts';
import { cut } from '../flag-types.ts';

/** What runs in a failed step. */
export type Invocation = Omit<BuildShellStart, 'ConsoleSize'>;

/**
 * The value of `--invoke`, as buildx takes it: a program, or `entrypoint=…`, `args=…`, `env=…`, `user=…` and `cwd=…`, where words may be a JSON
 * list; "default" for the shell of the step's stage. Throws CommandError.
 */
export function readInvoke(value: string): Invocation {
  const fields = value === '' || value === 'default' ? [] : parseCsvLine(value);
  const [only = ''] = fields;
  if (fields.length === 1 && !only.includes('=')) return { ...nothing, Cmd: [only] };
  const given = { entrypoint: [] as string[], args: [] as string[], env: [] as string[], user: '', cwd: '' };
  for (const field of fields) {
    const [name, text] = cut(field, '=');
    if (!field.includes('=')) throw new CommandError(`invalid value ${field}`);
    if (name === 'entrypoint' || name === 'args' || name === 'env') given[name].push(...wordsOf(text));
    else if (name === 'user' || name === 'cwd') given[name] = text;
    else if (name !== 'tty') throw new CommandError(`unknown key ${JSON.stringify(name)}`);
  }
  const { entrypoint, args, env, user, cwd } = given;
  return { Cmd: [...entrypoint, ...args], Env: env, User: user, WorkingDir: cwd };
}

const nothing: Invocation = { Cmd: [], Env: [], User: '', WorkingDir: '' };

function wordsOf(text: string): readonly string[] {
  try {
    const list: unknown = JSON.parse(text);
    if (Array.isArray(list)) return list.map(String);
  } catch {
    // A word of its own.
  }
  return [text];
}
