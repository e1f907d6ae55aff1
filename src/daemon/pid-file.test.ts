import { afterEach, beforeEach, expect, test } from 'bun:test';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { claimPidFile } from './pid-file.ts';

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pid-file-'));
  path = join(directory, 'run/sampan.pid');
});
afterEach(() => rmSync(directory, { recursive: true }));

test('claimPidFile writes this process and takes it back', async () => {
  {
    await using _claim = await claimPidFile(path);
    expect(readFileSync(path, 'utf8')).toBe(String(process.pid));
  }
  expect(existsSync(path)).toBe(false);
});

test('claimPidFile takes over from a process that is gone, or that is no daemon', async () => {
  for (const stale of ['999999999', '1', 'nonsense', '']) {
    await (await claimPidFile(path))[Symbol.asyncDispose]();
    writeFileSync(path, stale);
    await using _claim = await claimPidFile(path);
    expect(readFileSync(path, 'utf8')).toBe(String(process.pid));
  }
});

test('claimPidFile refuses while another daemon lives', async () => {
  const other = spawn('sh', ['-c', 'read -r line', 'daemon']);
  await (await claimPidFile(path))[Symbol.asyncDispose]();
  writeFileSync(path, String(other.pid));
  await expect(claimPidFile(path)).rejects.toThrow(`process with PID ${other.pid} is still running`);
  other.stdin.end();
});
