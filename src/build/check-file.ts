import type { Context } from '../base/context.ts';
import { invalid } from '../base/errors.ts';
import type { Dockerfile } from '../dockerfile/dockerfile.ts';
import { type IgnoreRules, readIgnoreFile } from '../dockerfile/ignore-file.ts';
import { type LintBase, lintDockerfile } from '../dockerfile/lint/lint.ts';
import type { Images } from '../images/contract.ts';
import type { Platform } from '../oci/image.ts';
import { hostPlatform } from '../oci/platform.ts';
import type { InquiryRequest, LintWarning } from './contract.ts';
import { excerptOf } from './excerpt.ts';
import { readFile } from './files/read-file.ts';
import { globalArgs } from './frontend/global-args.ts';

export interface CheckParts {
  readonly images: Pick<Images, 'find'>;
}

const MAX_IGNORE_FILE = 4 << 20;

export interface CheckedFile {
  readonly warnings: readonly LintWarning[];
  /** Fails with `invalid-argument` when rules are broken that may not be. */
  refuse(): void;
}

/** What the linter says of a Dockerfile, with the lines. Base images that are here are looked at. Fails with DockerfileError. */
export async function checkFile(
  context: Context,
  { images }: CheckParts,
  file: Dockerfile,
  request: InquiryRequest,
  platform: Platform,
): Promise<CheckedFile> {
  const { args, target, filename, dockerfile: text } = request;
  const { findings, violated } = lintDockerfile(file, {
    ...{ args, platform, globals: globalArgs(file, { platform, host: hostPlatform(), target, args }) },
    base: (image) => baseOf(images, image),
    ignored: await ignoredIn(context, request),
  });
  return {
    warnings: findings.map((finding) => ({
      ...finding,
      excerpt: excerptOf({ filename, text }, finding.lines),
    })),
    refuse: () => {
      if (violated.length > 0) throw invalid(`lint violation found for rules: ${violated.join(', ')}`);
    },
  };
}

function baseOf(images: Pick<Images, 'find'>, name: string): LintBase | undefined {
  try {
    const image = images.find(name);
    if (image === undefined) return undefined;
    const { Env, Shell } = image.config.config ?? {};
    return { env: Env ?? [], platform: image.platform, hasShell: (Shell ?? []).length > 0 };
  } catch {
    // What is no name of an image fails when it is built.
    return undefined;
  }
}

async function ignoredIn(
  context: Context,
  request: Pick<InquiryRequest, 'context'>,
): Promise<IgnoreRules | undefined> {
  if (request.context === undefined) return undefined;
  const text = await readFile(context, request.context, '/.dockerignore', MAX_IGNORE_FILE);
  return text === undefined ? undefined : readIgnoreFile(text.toString());
}
