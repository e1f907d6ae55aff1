import type { Client } from '../../client/client.ts';
import { type CreateOptions, createContainer } from '../../client/containers.ts';
import { isNotFound } from '../../client/errors.ts';
import { pullImage } from '../../client/images.ts';
import {
  familiarReference,
  isImageId,
  parseReference,
  type Reference,
  repositoryOf,
  withDefaultTag,
} from '../../oci/reference.ts';
import { isLoopback } from '../ip-address.ts';
import { progressOutput, showProgress } from '../progress.ts';
import { registryAuth } from '../registry-auth.ts';
import type { Session } from '../session.ts';
import type { ContainerBody } from './create-body.ts';
import { IdFile } from './id-file.ts';

export interface CreateChoice {
  readonly name: string;
  readonly platform: string;
  /** `always`, `missing` or `never`. */
  readonly pull: string;
  readonly quiet: boolean;
}

/** Throws an Error in Docker's words. */
export function checkPull(pull: string): void {
  if (['always', 'missing', 'never', ''].includes(pull)) return;
  throw new Error(`invalid pull option: '${pull}': must be one of "always", "missing" or "never"`);
}

/** Makes the container, pulling its image as `choice` says, and resolves with its ID. Warnings go to standard error. */
export async function createFromBody(
  session: Session,
  client: Client,
  body: ContainerBody,
  choice: CreateChoice,
): Promise<string> {
  const idFile = IdFile.open(body.HostConfig.ContainerIDFile);
  try {
    const reference = isImageId(body.Image) ? undefined : parseReference(body.Image);
    const pull = (): Promise<void> => pullForCreate(session, client, reference, choice);
    if (choice.pull === 'always') await pull();
    const size = session.io.terminalSize();
    if (size !== undefined) body.HostConfig.ConsoleSize = [size.rows, size.columns];
    const options: CreateOptions = {
      name: choice.name || undefined,
      platform: choice.platform === '' ? undefined : formatPlatform(choice.platform),
    };
    const created = await createContainer(client, body, options).catch(async (reason: unknown) => {
      if (!isNotFound(reason) || reference === undefined || choice.pull !== 'missing') throw reason;
      if (!choice.quiet) {
        const name = familiarReference(withDefaultTag(reference));
        session.io.err(`Unable to find image '${name}' locally\n`);
      }
      await pull();
      return createContainer(client, body, options);
    });
    for (const warning of [...(created.Warnings ?? []), ...dnsWarnings(body.HostConfig.Dns ?? [])]) {
      session.io.err(`WARNING: ${warning}\n`);
    }
    idFile.write(created.Id);
    return created.Id;
  } finally {
    idFile.close();
  }
}

function dnsWarnings(servers: readonly string[]): string[] {
  const local = servers.find(isLoopback);
  return local === undefined ? [] : [`Localhost DNS (${local}) may fail in containers.`];
}

async function pullForCreate(
  session: Session,
  client: Client,
  reference: Reference | undefined,
  choice: CreateChoice,
): Promise<void> {
  if (reference === undefined) return;
  const full = withDefaultTag(reference);
  const body = await pullImage(client, repositoryOf(full), {
    tag: full.digest ?? full.tag,
    platform: choice.platform || undefined,
    auth: await registryAuth(session, full.domain),
  });
  await showProgress(body, progressOutput(session.io, choice.quiet ? 'none' : 'err'));
}

/** `linux/arm64/v8` as containerd normalises it. */
function formatPlatform(text: string): string {
  return text.toLowerCase();
}
