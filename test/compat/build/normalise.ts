/** Puts the same for what differs between two builds of the same. */
export function normalise(text: string, directory: string): string {
  return text
    .replaceAll(/\x1b\[[\d;]*m/g, '')
    .replaceAll(directory, '<context>')
    .replaceAll(/\b[0-9a-f]{64}\b/g, '<id>')
    .replaceAll(/of ref [\w-]+(::\w+)?/g, 'of ref <ref>')
    .replaceAll(/\/[^ ]*\/overlay2\/[^/ ]*\/merged/g, '<root>')
    .replaceAll(/\b[0-9a-f]{12}\b/g, '<short id>')
    .replaceAll(/^Sending build context to Docker daemon.*[\r\n]+/gm, '')
    .replaceAll(/^DEPRECATED: The legacy builder[\s\S]*?environment-variable\.\n+/gm, '')
    .replaceAll(/^View build details: .*\n?/gm, '');
}

/** What of a plain log of BuildKit is about the failure: the lines of the Dockerfile, and the reason. */
export function failureIn(log: string): string[] {
  const lines = log.split('\n').filter((line) => line !== '');
  const reason = lines.findLastIndex((line) => line.startsWith('ERROR: '));
  if (reason === -1) return [];
  const rule = lines.slice(0, reason).findLastIndex((line) => /^-{20}$/.test(line));
  const begin =
    rule === reason - 1 ? lines.slice(0, rule).findLastIndex((line) => /^-{20}$/.test(line)) - 1 : reason;
  return lines.slice(begin);
}

export function warningsIn(log: string): string[] {
  const lines = log.split('\n').map((line) => line.replaceAll(/\x1b\[\d*m/g, ''));
  const heading = lines.findIndex((line) => /^ ?\d+ warnings? found/.test(line));
  if (heading === -1) return [];
  const after = lines.slice(heading + 1);
  const end = after.findIndex((line) => !line.startsWith(' - '));
  return (end === -1 ? after : after.slice(0, end)).map((line) => line.slice(3));
}

/** Times, IDs and what only says which daemon it was. */
const PASSING = new Set([
  ...['created', 'id', 'Image', 'parent', 'parent_id', 'container', 'container_config'],
  ...['docker_version', 'diff_ids'],
]);

/** An image's configuration without what passes and what says nothing, its keys in order. */
export function lastingConfig(value: unknown, directory: string, isDated = false): unknown {
  if (typeof value === 'string') return normalise(value, directory);
  if (Array.isArray(value)) return value.map((item) => lastingConfig(item, directory, isDated));
  if (typeof value !== 'object' || value === null) return value;
  // The base image is of the day.
  const keepsTime = isDated && !('comment' in value && value.comment === 'Imported from -');
  const lasts = (key: string): boolean => !PASSING.has(key) || (keepsTime && key === 'created');
  const entries = Object.entries(value).filter(([key, item]) => lasts(key) && !isNothing(item));
  return Object.fromEntries(
    entries.sort().map(([key, item]) => [key, lastingConfig(item, directory, isDated)]),
  );
}

function isNothing(value: unknown): boolean {
  return value === null || value === '' || value === false;
}
