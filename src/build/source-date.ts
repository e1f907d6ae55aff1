import { invalid } from '../base/errors.ts';
import type { BuildRequest } from './contract.ts';

/** Seconds since the epoch that stand for now, asked for by themselves or as the build argument. Fails with `invalid-argument`. */
export function sourceDateOf({
  sourceDate,
  args,
}: Pick<BuildRequest, 'sourceDate' | 'args'>): number | undefined {
  const text = args['SOURCE_DATE_EPOCH'] ?? '';
  if (sourceDate !== undefined || text === '') return sourceDate;
  if (!/^\d{1,12}$/.test(text)) {
    throw invalid(`invalid SOURCE_DATE_EPOCH: ${JSON.stringify(text)}: expected seconds since the epoch`);
  }
  return Number(text);
}
