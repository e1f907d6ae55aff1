import type { BuildAnswer } from '../../wire/build-messages.ts';
import { CommandError } from '../command-error.ts';
import { parseCsvLine } from '../csv.ts';
import { cut } from '../flag-types.ts';
import type { BuildOptions } from './flags.ts';

/** What is asked of the daemon instead of a build. */
export interface Question {
  /** As the daemon knows it: "outline", "targets", "lint". */
  readonly name: string;
  readonly isJson: boolean;
  /** Nothing that the answer says makes the command fail. */
  readonly ignoresStatus: boolean;
}

/** The value of `--call` ("outline", "check,format=json"), or what `--check` stands for; undefined for a build. Throws CommandError. */
export function questionOf({ call, check }: Pick<BuildOptions, 'call' | 'check'>): Question | undefined {
  const [written = '', ...fields] = parseCsvLine(call === '' ? 'build' : call);
  const name = written === 'build' && check ? 'check' : written;
  const given = new Map(fields.map((field) => cut(field, '=')));
  const { format = 'text', ignorestatus = '', ...others } = Object.fromEntries(given);
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw new CommandError(`invalid attribute ${JSON.stringify(unknown)} of --call`);
  if (!['text', 'json'].includes(format)) {
    throw new CommandError(`invalid format ${JSON.stringify(format)} of --call: expected text or json`);
  }
  if (name === 'build') return undefined;
  return {
    name: name === 'check' ? 'lint' : name,
    isJson: format === 'json',
    ignoresStatus: fields.includes('ignorestatus') || ['1', 'true'].includes(ignorestatus),
  };
}

/** What a build's stream may bring instead of a build. */
export interface Answered {
  readonly answer?: BuildAnswer;
}
