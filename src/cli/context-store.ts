import { readFileSync } from 'node:fs';
import { CommandError } from './command-error.ts';

/** The daemon's address of one of Docker's contexts, as `docker context create` keeps it. Throws CommandError in Docker's words. */
export function contextHost(configDirectory: string, name: string): string {
  const digest = new Bun.CryptoHasher('sha256').update(name).digest('hex');
  const path = `${configDirectory}/contexts/meta/${digest}/meta.json`;
  const failed = (why: string): CommandError =>
    new CommandError(
      `Failed to initialize: unable to resolve docker endpoint: context ${JSON.stringify(name)}: ${why}`,
    );
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    throw failed(`context not found: open ${path}: no such file or directory`);
  }
  const host = /"Host"\s*:\s*("(?:[^"\\]|\\.)*")/.exec(text)?.[1];
  if (host === undefined) throw failed('no docker endpoint');
  return JSON.parse(host) as string;
}
