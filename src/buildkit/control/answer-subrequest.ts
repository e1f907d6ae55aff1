import type { Context } from '../../base/context.ts';
import { SampanError } from '../../base/errors.ts';
import type { InquiryRequest } from '../../build/contract.ts';
import { openSources, readDockerfile, type SourceParts } from './build-sources.ts';
import { type FrontendAttributes, frontendOptions, frontendSources } from './frontend-options.ts';

/** What a client is told about a Dockerfile instead of its being built, by name: "result.json". */
export type SubrequestAnswer = Readonly<Record<string, Uint8Array>>;

const VERSION = '1.0.0';
const FRONTEND = 'frontend.';

/** Fails with `unimplemented` on a question that is not known. */
export async function answerSubrequest(
  context: Context,
  parts: SourceParts,
  question: string,
  attributes: FrontendAttributes,
): Promise<SubrequestAnswer> {
  if (!question.startsWith(FRONTEND)) {
    throw new SampanError('unimplemented', `unsupported request ${JSON.stringify(question)}`);
  }
  using stack = new DisposableStack();
  const name = question.slice(FRONTEND.length);
  const request = await requestOf(context, parts, attributes, { needsContext: name === 'lint', stack });
  const { json, text, status } = await parts.builder.inquire(context, request, name);
  return {
    'result.json': Buffer.from(JSON.stringify(json, undefined, 2)),
    'result.txt': Buffer.from(text),
    version: Buffer.from(VERSION),
    ...(name === 'lint' ? { 'result.statuscode': Buffer.from(String(status)) } : {}),
  };
}

/** Only the linter looks at more than the Dockerfile. */
async function requestOf(
  context: Context,
  parts: SourceParts,
  attributes: FrontendAttributes,
  { needsContext, stack }: { readonly needsContext: boolean; readonly stack: DisposableStack },
): Promise<InquiryRequest> {
  const options = frontendOptions(attributes);
  const sources = frontendSources(attributes);
  if (needsContext)
    return { ...options, ...(await openSources(context, parts, { sources, options }, stack)) };
  const { text } = await readDockerfile(context, parts, sources);
  return { ...options, dockerfile: text, filename: sources.filename, namedContexts: {} };
}
