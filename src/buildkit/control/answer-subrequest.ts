import type { Context } from '../../base/context.ts';
import { SampanError } from '../../base/errors.ts';
import type { LintWarning } from '../../build/contract.ts';
import { readDockerfile as parseDockerfile } from '../../dockerfile/dockerfile.ts';
import { openSources, readDockerfile, type SourceParts } from './build-sources.ts';
import { type FrontendAttributes, frontendOptions, frontendSources } from './frontend-options.ts';

/** What a client is told about a Dockerfile instead of its being built, by name: "result.json". */
export type SubrequestAnswer = Readonly<Record<string, Uint8Array>>;

const VERSION = '1.0.0';

const questions: Readonly<Record<string, Answer>> = {
  'frontend.lint': lint,
  'frontend.targets': targets,
  'frontend.subrequests.describe': describe,
};

type Answer = (
  context: Context,
  parts: SourceParts,
  attributes: FrontendAttributes,
) => Promise<{ readonly json: unknown; readonly text: string; readonly status?: number }>;

/** Fails with `unimplemented` on a question that is not known. */
export async function answerSubrequest(
  context: Context,
  parts: SourceParts,
  question: string,
  attributes: FrontendAttributes,
): Promise<SubrequestAnswer> {
  const answer = Object.hasOwn(questions, question) ? questions[question] : undefined;
  if (answer === undefined) {
    throw new SampanError('unimplemented', `unsupported request ${JSON.stringify(question)}`);
  }
  const { json, text, status } = await answer(context, parts, attributes);
  return {
    'result.json': Buffer.from(JSON.stringify(json, undefined, 2)),
    'result.txt': Buffer.from(text),
    version: Buffer.from(VERSION),
    ...(status === undefined ? {} : { 'result.statuscode': Buffer.from(String(status)) }),
  };
}

async function lint(
  context: Context,
  parts: SourceParts,
  attributes: FrontendAttributes,
): ReturnType<Answer> {
  using stack = new DisposableStack();
  const files = await openSources(context, parts, frontendSources(attributes), stack);
  const warnings = await parts.builder.check(context, {
    ...frontendOptions(attributes),
    ...files,
    ...{ id: '', tags: [], cacheFrom: [], style: 'buildkit' },
    secrets: async () => undefined,
    ssh: () => undefined,
    credentials: () => undefined,
  });
  const { filename, dockerfile } = files;
  const source = { filename, language: 'Dockerfile', data: Buffer.from(dockerfile).toString('base64') };
  const status = warnings.length > 0 ? 1 : 0;
  return {
    json: { warnings: warnings.map(jsonOf), sources: [source] },
    text: warnings.map(textOf).join(''),
    status,
  };
}

function jsonOf({ rule, description, url, detail, lines }: LintWarning): unknown {
  const ranges = [{ start: { line: lines.first }, end: { line: lines.last } }];
  return { ruleName: rule, description, url, detail, location: { ranges } };
}

function textOf({ rule, url, detail, excerpt }: LintWarning): string {
  return `\nWARNING: ${rule}${url === '' ? '' : ` - ${url}`}\n${detail}\n${excerpt}`;
}

async function targets(
  context: Context,
  parts: SourceParts,
  attributes: FrontendAttributes,
): ReturnType<Answer> {
  const { text } = await readDockerfile(context, parts, frontendSources(attributes));
  const { stages } = parseDockerfile(text);
  const found = stages.map(({ from }, index) => ({
    ...(from.name === '' ? {} : { name: from.name }),
    ...(index === stages.length - 1 ? { default: true } : {}),
    base: from.image,
    location: { ranges: [{ start: { line: from.lines.first }, end: { line: from.lines.last } }] },
  }));
  const rows = found.map((one) => `${one.name ?? ''}${one.default === true ? ' (default)' : ''}`.trim());
  return {
    json: { targets: found, sources: [Buffer.from(text).toString('base64')] },
    text: ['TARGET', ...rows, ''].join('\n'),
  };
}

async function describe(): ReturnType<Answer> {
  const json = Object.keys(questions).map((name) => ({
    name,
    version: VERSION,
    type: 'rpc',
    description: '',
    metadata: [{ name: 'result.json' }, { name: 'result.txt' }],
  }));
  return { json, text: ['NAME', ...Object.keys(questions), ''].join('\n') };
}
