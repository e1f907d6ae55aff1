import { conflict, messageOf, SampanError } from '../../base/errors.ts';
import type { ContainerUpdateRequest } from '../../wire/container-changes.ts';
import type { UpdateResult } from '../contract.ts';
import { checkRestartPolicy } from '../create/check-host-config.ts';
import { adaptResources } from '../create/check-resources.ts';
import { publishingEndpoint } from '../lifecycle/published-ports.ts';
import type { Parts } from '../parts.ts';
import type { Entry } from '../record.ts';
import { applyDraft } from './apply.ts';
import { draftConfig } from './config.ts';
import { Draft } from './draft.ts';
import { draftLimits } from './limits.ts';
import { draftLog } from './log.ts';
import { addMounts, draftMounts } from './mounts.ts';
import { draftPorts } from './ports.ts';

/** Changes a container: live if it runs, as far as that can be. All of what is asked for, or nothing. Fails in Docker's words where it has some. */
export function updateEntry(
  parts: Parts,
  entry: Entry,
  { Changes: changes, ...limits }: ContainerUpdateRequest,
): Promise<UpdateResult> {
  checkRestartPolicy(limits.RestartPolicy);
  const { resources, warnings } = adaptResources(limits, parts.runtime.capabilities, 'update');
  return entry.lock.run(async () => {
    try {
      checkNotRemoved(entry);
      const draft = new Draft(entry);
      draftLimits(draft, resources);
      const result = await carryOut(parts, entry, draft, resources, changes ?? {});
      parts.events.container(entry.container, 'update');
      return { ...result, warnings: [...warnings, ...draft.warnings] };
    } catch (error) {
      const code = error instanceof SampanError ? error.code : 'internal';
      throw new SampanError(code, `Cannot update container ${entry.id}: ${messageOf(error)}`, {
        cause: error,
      });
    }
  });
}

function checkNotRemoved(entry: Entry): void {
  if (!entry.removing && !['removing', 'dead'].includes(entry.container.state.status)) return;
  throw conflict('container is marked for removal and cannot be "update"');
}

async function carryOut(
  parts: Parts,
  entry: Entry,
  draft: Draft,
  resources: Parameters<typeof applyDraft>[3]['resources'],
  changes: NonNullable<ContainerUpdateRequest['Changes']>,
): Promise<Pick<UpdateResult, 'changes'>> {
  const going = draftPorts(draft, changes, publishingEndpoint(entry)?.ports ?? []);
  draftLog(draft, changes, parts.defaults);
  const mounts = draftMounts(draft, changes);
  draftConfig(draft, changes);
  using reservations = new DisposableStack();
  const made: string[] = [];
  try {
    if (mounts !== undefined) {
      await addMounts(parts, entry.id, draft, mounts, reservations, (volume) => made.push(volume));
    }
    await applyDraft(parts, entry, draft, { resources, going });
  } catch (error) {
    reservations.dispose();
    await Promise.allSettled(made.map((volume) => parts.volumes.remove(parts.background, volume)));
    throw error;
  }
  return { changes: draft.changes };
}
