import { SampanError } from '../base/errors.ts';
import type { HealthConfig } from '../oci/image.ts';
import { parseDuration } from '../wire/durations.ts';
import { DockerfileError } from './errors.ts';
import { type Flags, readFlags } from './flags.ts';
import type { HealthcheckInstruction } from './instructions.ts';
import { type Source, written } from './read-instruction.ts';
import { atLeastOne } from './read-words.ts';
import { jsonWords } from './words.ts';

const MILLISECOND = 1_000_000n;

const durations = {
  interval: 'Interval',
  timeout: 'Timeout',
  'start-period': 'StartPeriod',
  'start-interval': 'StartInterval',
} as const;

export function readHealthcheck(source: Source): HealthcheckInstruction {
  const flags = readFlags(source.flags, {
    ...{ interval: 'text', timeout: 'text', 'start-period': 'text', 'start-interval': 'text' },
    retries: 'text',
  });
  const [, type = '', rest = ''] = /^(\S+)\s*([\s\S]*)$/.exec(source.rest) ?? [];
  switch (type.toUpperCase()) {
    case '':
      throw atLeastOne(source);
    case 'NONE':
      if (rest !== '') throw new DockerfileError('HEALTHCHECK NONE takes no arguments');
      return { kind: 'healthcheck', ...written(source), health: { Test: ['NONE'] } };
    case 'CMD':
      return { kind: 'healthcheck', ...written(source), health: checkOf(rest, flags) };
    default:
      throw new DockerfileError(`Unknown type ${JSON.stringify(type)} in HEALTHCHECK (try CMD)`);
  }
}

function checkOf(rest: string, flags: Flags): HealthConfig {
  const words = jsonWords(rest);
  if (rest === '' || words?.length === 0) {
    throw new DockerfileError('Missing command after HEALTHCHECK CMD');
  }
  const times = Object.entries(durations).map(([flag, key]) => [key, nanoseconds(key, flags.text(flag))]);
  const retries = flags.text('retries');
  if (!/^\d{0,9}$/.test(retries)) {
    throw new DockerfileError(
      /^-\d+$/.test(retries)
        ? `--retries cannot be negative (${retries})`
        : `strconv.ParseInt: parsing ${JSON.stringify(retries)}: invalid syntax`,
    );
  }
  return {
    Test: words === undefined ? ['CMD-SHELL', rest] : ['CMD', ...words],
    ...Object.fromEntries(times.filter(([, value]) => value !== 0)),
    ...(Number(retries) === 0 ? {} : { Retries: Number(retries) }),
  };
}

function nanoseconds(name: string, text: string): number {
  if (text === '') return 0;
  const value = durationOf(text);
  if (value < 0n || (value > 0n && value < MILLISECOND)) {
    throw new DockerfileError(`${name} ${JSON.stringify(text)} cannot be less than 1ms`);
  }
  return Number(value);
}

function durationOf(text: string): bigint {
  try {
    return parseDuration(text);
  } catch (error) {
    if (error instanceof SampanError) throw new DockerfileError(error.message);
    throw error;
  }
}
