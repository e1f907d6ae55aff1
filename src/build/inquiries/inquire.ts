import { SampanError } from '../../base/errors.ts';
import type { Dockerfile } from '../../dockerfile/dockerfile.ts';
import type { Platform } from '../../oci/image.ts';
import { hostPlatform } from '../../oci/platform.ts';
import { parseDockerfile } from '../build-run.ts';
import type { Inquiry, InquiryRequest, LintWarning } from '../contract.ts';
import { globalArgs } from '../frontend/global-args.ts';
import { neededStages } from '../frontend/targets.ts';
import { columns } from './columns.ts';
import { describeLint } from './lint.ts';
import { describeOutline } from './outline.ts';
import { describeTargets } from './targets.ts';

const VERSION = '1.0.0';

const questions: Readonly<Record<string, string>> = {
  outline: 'List all parameters current build target supports',
  targets: 'List all targets current build supports',
  lint: 'Lint a Dockerfile',
  'subrequests.describe': 'List available subrequest types',
};

/** Answers a question about a Dockerfile. Fails with DockerfileError, and with `unimplemented` on a question that is not known. */
export async function inquire(
  request: InquiryRequest,
  question: string,
  lint: () => Promise<readonly LintWarning[]>,
): Promise<Inquiry> {
  const { dockerfile } = request;
  const source = Buffer.from(dockerfile).toString('base64');
  if (question === 'lint') return describeLint(request, lint);
  if (question === 'targets') return describeTargets(parseDockerfile(dockerfile), source);
  if (question === 'outline') return outlineOf(parseDockerfile(dockerfile), source, request);
  if (question === 'subrequests.describe') return describeQuestions();
  const name = `frontend.${question}`;
  throw new SampanError('unimplemented', `unsupported request ${name}`);
}

function outlineOf(file: Dockerfile, source: string, request: InquiryRequest): Inquiry {
  const { args, target, platforms, namedContexts } = request;
  const platform: Platform = platforms[0] ?? hostPlatform();
  const options = { platform, host: hostPlatform(), target, args };
  const needed = neededStages(file, { ...options, contexts: namedContexts });
  const stages = needed.flatMap((number) => file.stages[number] ?? []);
  return describeOutline(file, source, { args, globals: globalArgs(file, options), needed: stages });
}

function describeQuestions(): Inquiry {
  const all = Object.entries(questions);
  return {
    json: all.map(([name, description]) => ({
      ...{ name: `frontend.${name}`, version: VERSION, type: 'rpc', description },
      metadata: [{ name: 'result.json' }, { name: 'result.txt' }],
    })),
    text: columns(
      [['NAME', 'VERSION', 'DESCRIPTION'], ...all.map(([name, description]) => [name, VERSION, description])],
      1,
    ),
    status: 0,
  };
}
