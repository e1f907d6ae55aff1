import { readFileSync } from 'node:fs';
import type { TlsMaterial } from '../client/endpoint.ts';
import { CommandError } from './command-error.ts';

interface TlsFlags {
  readonly tlscacert: string;
  readonly tlscert: string;
  readonly tlskey: string;
}

/** Reads the certificates that the flags name, or `ca.pem`, `cert.pem` and `key.pem` of `directory`. */
export function readTlsFiles(flags: TlsFlags, directory: string, verify: boolean): TlsMaterial {
  return {
    ca: verify ? read(flags.tlscacert || `${directory}/ca.pem`, flags.tlscacert !== '') : undefined,
    cert: read(flags.tlscert || `${directory}/cert.pem`, flags.tlscert !== ''),
    key: read(flags.tlskey || `${directory}/key.pem`, flags.tlskey !== ''),
    verify,
  };
}

function read(path: string, required: boolean): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    if (!required) return undefined;
    throw new CommandError(
      `Failed to initialize: unable to resolve docker endpoint: open ${path}: no such file or directory`,
    );
  }
}
