import type { Context } from '../../base/context.ts';
import type { BuildResult, BuiltImage } from '../../build/contract.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { formatPlatform } from '../../oci/platform.ts';
import { FailedCall } from '../grpc/server.ts';
import { failureOf } from '../grpc/status.ts';
import type { BuildHistory, BuildStart, RecordedBuild, RecordedResult } from '../history/build-history.ts';
import type { BuildJob } from './build-job.ts';

type Response = Readonly<Record<string, string>>;

/** Who records nothing: clients' questions are no builds. */
const unrecorded: RecordedBuild = { tell: () => {}, end: () => {} };

/** What a job's client is told at its end, which goes into the history. Fails with FailedCall. */
export async function recordBuild(
  record: RecordedBuild,
  job: BuildJob,
  work: () => Promise<Response>,
): Promise<Response> {
  try {
    const response = await work();
    record.end({ response, results: job.result === undefined ? [] : resultsOf(job.result, response) });
    return response;
  } catch (error) {
    const failure = error instanceof FailedCall ? error.failure : failureOf(error);
    record.end({ failure, response: {}, results: [] });
    throw new FailedCall(failure);
  }
}

export function beginRecord(
  context: Context,
  history: BuildHistory,
  { isQuestion, ...start }: BuildStart & { readonly isQuestion: boolean },
): RecordedBuild {
  return isQuestion ? unrecorded : history.begin(context, start);
}

function resultsOf({ images, index }: BuildResult, response: Response): readonly RecordedResult[] {
  const target = response['containerimage.descriptor'];
  const descriptor =
    target === undefined
      ? { mediaType: mediaTypes.ociConfig, digest: images[0]?.id ?? '' }
      : JSON.parse(Buffer.from(target, 'base64').toString());
  const whole = index === undefined ? descriptor : { mediaType: mediaTypes.ociIndex, ...index };
  return images.map((image) => ({
    platform: formatPlatform(image.platform),
    descriptor: whole,
    predicates: (image.statements ?? []).map(predicateOf),
  }));
}

/** Of a statement, what it says. */
function predicateOf({
  predicateType,
  bytes,
}: NonNullable<BuiltImage['statements']>[number]): RecordedResult['predicates'][number] {
  const { predicate } = JSON.parse(Buffer.from(bytes).toString());
  return { type: predicateType, bytes: Buffer.from(JSON.stringify(predicate)) };
}
