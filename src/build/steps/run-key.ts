import { isCode } from '../../base/errors.ts';
import type { Digest } from '../../oci/digest.ts';
import { fromText } from '../../oci/tar/entry.ts';
import type { RunMount, RunOperation } from '../definition/vertex.ts';
import { EntryHash } from '../files/entry-hash.ts';
import { followLinks } from '../files/follow-links.ts';
import { identityOf } from '../solver/result.ts';
import type { Step } from '../solver/step.ts';
import { missingSource } from './missing-source.ts';
import { inputOf } from './run-mounts.ts';

/**
 * What a command's result depends on. Not the contents of secrets and caches, nor who answers on an agent's socket, nor proxies, limits and
 * hosts' addresses: a command that makes something else because of them is on its own.
 */
export async function runKey(step: Step<RunOperation>): Promise<unknown> {
  const { args, env, workingDirectory, user, hostname, network, security, platform, files } = step.operation;
  const mounts: unknown[] = [];
  for (const mount of step.operation.mounts) mounts.push(await mountMeaning(step, mount));
  return {
    kind: 'run',
    root: identityOf(inputOf(step, 0)),
    ...{ args, env, workingDirectory, user, hostname, network, security, platform, files, mounts },
    extraHosts: step.operation.extraHosts.map((entry) => entry.replace(/[:=].*$/, '')),
  };
}

async function mountMeaning(step: Step<RunOperation>, mount: RunMount): Promise<unknown> {
  if (mount.type === 'cache') {
    const { type, id, target, readOnly } = mount;
    return { type, id, target, readOnly };
  }
  if (mount.type !== 'bind') return mount;
  const { type, target, readOnly, input, source } = mount;
  return { type, target, readOnly, content: await contentOf(step, input, source) };
}

/** Of files as little as is mounted; layers are not read for it. */
async function contentOf(step: Step<RunOperation>, input: number, source: string): Promise<unknown> {
  const { context } = step;
  const result = inputOf(step, input);
  if (result.kind === 'layers' || source === '/') return { whole: identityOf(result), source };
  const { tree } = result;
  const path = await followLinks(context, tree, fromText(source));
  const hash = new EntryHash();
  try {
    for await (const { header, content } of tree.list(context, path)) hash.add(header.name, header, content);
  } catch (error) {
    throw isCode(error, 'not-found') ? missingSource(step.vertex, input, source) : error;
  }
  const digest: Digest = hash.finish();
  return { digest };
}
