import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { BuildCase, ContextFile } from './case.ts';

/** Lays a case's context out in `directory`. */
export function makeContext(directory: string, { dockerfile, files = {}, prepare }: BuildCase): void {
  mkdirSync(directory);
  for (const [path, file] of Object.entries(files)) makeFile(join(directory, path), file);
  if (prepare !== undefined) {
    const { status, stderr } = spawnSync('sh', ['-e', '-c', prepare], { cwd: directory, encoding: 'utf8' });
    if (status !== 0) throw new Error(`the context cannot be made: ${stderr}`);
  }
  writeFileSync(join(directory, 'Dockerfile'), dockerfile);
}

function makeFile(path: string, file: ContextFile): void {
  const { text = '', mode, link } = typeof file === 'string' ? { text: file } : { ...file };
  mkdirSync(dirname(path), { recursive: true });
  if (link !== undefined) symlinkSync(link, path);
  else if (path.endsWith('/')) {
    mkdirSync(path, { recursive: true });
    chmodSync(path, mode ?? 0o755);
  } else {
    writeFileSync(path, text);
    chmodSync(path, mode ?? 0o644);
  }
}
