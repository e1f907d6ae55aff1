import { DockerfileError } from '../errors.ts';
import { type RuleName, rules } from './rules.ts';

/** Which rules count, and whether to break one is an error: what `# check=` says. */
export interface LintSettings {
  readonly isError: boolean;
  silences(rule: RuleName): boolean;
}

const MAX_PARTS = 3;

/** Reads "skip=A,B;error=true;experimental=all". Fails with DockerfileError. */
export function readSettings(text: string | undefined): LintSettings {
  const parts = (text ?? '')
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  if (parts.length > MAX_PARTS)
    throw new DockerfileError(`failed to parse check options: ${JSON.stringify(text)}`);
  const values = new Map(parts.map(readPart));
  const skipped = namesIn(values.get('skip'));
  const experimental = namesIn(values.get('experimental'));
  return {
    isError: isTrue(values.get('error')),
    silences: (rule) =>
      rules[rule].isExperimental === true ? !experimental(rule) || skipped(rule) : skipped(rule),
  };
}

function readPart(part: string): [string, string] {
  const equals = part.indexOf('=');
  const key = (equals < 0 ? part : part.slice(0, equals)).trim();
  if (equals < 0 || !['skip', 'error', 'experimental'].includes(key)) {
    const detail = `invalid check option ${JSON.stringify(key)}`;
    throw new DockerfileError(`failed to parse check options: ${detail}`);
  }
  return [key, part.slice(equals + 1).trim()];
}

function isTrue(value = 'false'): boolean {
  if (/^(1|t|true)$/i.test(value)) return true;
  if (/^(0|f|false)$/i.test(value)) return false;
  throw new DockerfileError(`failed to parse check options: invalid error ${JSON.stringify(value)}`);
}

/** Which rules a list names: "all", or some of them. */
function namesIn(list = ''): (rule: RuleName) => boolean {
  const names = list.split(',').map((name) => name.trim());
  return (rule) => names.includes('all') || names.includes(rule);
}

/** What comments right above an instruction say of rules that are not to look at it. */
export function silencedAbove(comments: readonly string[]): (rule: RuleName) => boolean {
  const lists = comments.flatMap((comment) => /^check\s*=\s*skip\s*=\s*(\S+)/i.exec(comment)?.[1] ?? []);
  const all = lists.map(namesIn);
  return (rule) => all.some((names) => names(rule));
}
