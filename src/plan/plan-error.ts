import { SampanError } from '../base/errors.ts';
import type { PlanFailure } from './contract.ts';
import { errnoName } from './errno.ts';

/** A plan that the launcher could not carry out. */
export class PlanError extends SampanError {
  readonly failure: PlanFailure;

  constructor(failure: PlanFailure) {
    super('internal', describe(failure));
    this.failure = failure;
  }
}

function describe(failure: PlanFailure): string {
  const subject = failure.subject === '' ? '' : ` ${failure.subject}`;
  const reason = failure.errno === 0 ? failure.detail : errnoName(failure.errno).message;
  const detail = failure.errno !== 0 && failure.detail !== '' ? ` (${failure.detail})` : '';
  return `${failure.operation}${subject}: ${reason}${detail}`;
}
