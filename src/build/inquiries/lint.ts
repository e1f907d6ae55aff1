import { DockerfileError } from '../../dockerfile/errors.ts';
import type { Inquiry, InquiryRequest, LintWarning } from '../contract.ts';
import { excerptOf } from '../excerpt.ts';
import { locationOf } from './comments.ts';

/** What the linter says, or what keeps it from saying something. */
export async function describeLint(
  request: InquiryRequest,
  lint: () => Promise<readonly LintWarning[]>,
): Promise<Inquiry> {
  const { filename, dockerfile } = request;
  const source = { filename, data: Buffer.from(dockerfile).toString('base64'), language: 'Dockerfile' };
  try {
    const warnings = await lint();
    return {
      json: { warnings: warnings.length === 0 ? null : warnings.map(warningJson), sources: [source] },
      text: warnings.length === 0 ? '' : warnings.map(warningText).join(''),
      status: warnings.length === 0 ? 0 : 1,
    };
  } catch (error) {
    if (!(error instanceof DockerfileError)) throw error;
    const { message, lines } = error;
    const location = lines === undefined ? {} : { location: locationOf(lines) };
    const excerpt = lines === undefined ? '' : excerptOf({ filename, text: dockerfile }, lines);
    return {
      json: { warnings: null, sources: [source], buildError: { message, ...location } },
      text: `ERROR: ${message}\n${excerpt}`,
      status: 1,
    };
  }
}

function warningJson({ rule, description, url, detail, lines }: LintWarning): unknown {
  return { ruleName: rule, description, url, detail, location: locationOf(lines) };
}

function warningText({ rule, url, detail, excerpt }: LintWarning): string {
  return `\nWARNING: ${rule}${url === '' ? '' : ` - ${url}`}\n${detail}\n${excerpt}`;
}
