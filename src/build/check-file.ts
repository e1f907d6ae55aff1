import type { Context } from '../base/context.ts';
import type { Dockerfile } from '../dockerfile/dockerfile.ts';
import { DockerfileError } from '../dockerfile/errors.ts';
import { type IgnoreRules, readIgnoreFile } from '../dockerfile/ignore-file.ts';
import { type LintResult, lintDockerfile } from '../dockerfile/lint/lint.ts';
import type { Images } from '../images/contract.ts';
import type { Platform } from '../oci/image.ts';
import { hostPlatform } from '../oci/platform.ts';
import type { BuildRequest, LintWarning } from './contract.ts';
import { excerptOf } from './excerpt.ts';
import { readFile } from './files/read-file.ts';
import { globalArgs } from './frontend/global-args.ts';

export interface CheckParts {
  readonly images: Pick<Images, 'find'>;
}

const MAX_IGNORE_FILE = 4 << 20;

/** What the linter says of a Dockerfile, with the lines. Base images that are here are looked at. Fails with DockerfileError. */
export async function checkFile(
  context: Context,
  { images }: CheckParts,
  file: Dockerfile,
  request: BuildRequest,
  platform: Platform,
): Promise<readonly LintWarning[]> {
  const { args, target, filename, dockerfile: text } = request;
  const result = lintDockerfile(file, {
    ...{ args, platform, globals: globalArgs(file, { platform, host: hostPlatform(), target, args }) },
    base: (image) => baseOf(images, image),
    ignored: await ignoredIn(context, request),
  });
  refuseViolations(result);
  return result.findings.map((finding) => ({
    ...finding,
    excerpt: excerptOf({ filename, text }, finding.lines),
  }));
}

function refuseViolations({ violated, findings }: LintResult): void {
  if (violated.length === 0) return;
  throw new DockerfileError(`lint violation found for rules: ${violated.join(', ')}`, findings[0]?.lines);
}

function baseOf(images: Pick<Images, 'find'>, name: string) {
  try {
    const image = images.find(name);
    return image && { env: image.config.config?.Env ?? [], platform: image.platform };
  } catch {
    // What is no name of an image fails when it is built.
    return undefined;
  }
}

async function ignoredIn(
  context: Context,
  request: Pick<BuildRequest, 'context'>,
): Promise<IgnoreRules | undefined> {
  const text = await readFile(context, request.context, '/.dockerignore', MAX_IGNORE_FILE);
  return text === undefined ? undefined : readIgnoreFile(text.toString());
}
