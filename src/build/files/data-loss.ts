import { SampanError } from '../../base/errors.ts';

export function dataLoss(message: string): SampanError {
  return new SampanError('data-loss', message);
}
