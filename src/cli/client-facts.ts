import { currentVersion } from '../wire/versions.ts';
import type { Session } from './session.ts';

/** What `version` and `info` say of this program, under Docker's keys; Bun stands where Docker names Go. */
export interface ClientFacts {
  readonly Version: string;
  readonly ApiVersion: string;
  readonly DefaultAPIVersion: string;
  readonly GitCommit: string;
  readonly GoVersion: string;
  readonly Os: string;
  readonly Arch: string;
  readonly BuildTime: string;
  readonly Context: string;
}

export function clientFacts(session: Session, apiVersion: string): ClientFacts {
  const { version, commit } = session.options;
  return {
    Version: version,
    ApiVersion: apiVersion,
    DefaultAPIVersion: currentVersion,
    GitCommit: commit,
    GoVersion: `bun${Bun.version}`,
    Os: 'linux',
    Arch: process.arch === 'x64' ? 'amd64' : process.arch,
    BuildTime: '',
    Context: session.globals.context || 'default',
  };
}
