import { messageOf } from '../../base/errors.ts';
import { defineCommand } from '../command.ts';
import { credentialStore } from '../credentials/credential-store.ts';
import { HUB_SERVER, hostOfServer } from '../credentials/login.ts';

export const command = defineCommand({
  flags: {},
  args: { atMost: 1 },
  long: () => 'Log out from a registry, Docker Hub unless another is named.',
  async run({ args: [given = ''], session }) {
    const { io } = session;
    const name = given === '' ? HUB_SERVER : hostOfServer(given);
    io.out(`Removing login credentials for ${name}\n`);
    const servers = keysOf(given);
    const failures: string[] = [];
    for (const server of servers) {
      await credentialStore(session, server)
        .erase(server)
        .catch((reason: unknown) => failures.push(`${server}: ${messageOf(reason)}\n`));
    }
    // The keys are spellings of one registry: it is enough that one could be erased.
    if (failures.length === servers.length) {
      io.err(`WARNING: could not erase credentials:\n${failures.join('')}`);
    }
  },
});

/** What the registry's login may be kept under, old spellings included. */
function keysOf(given: string): string[] {
  if (given === '') return [HUB_SERVER];
  const host = hostOfServer(given);
  const spellings = [given, host, `http://${host}`, `https://${host}`];
  return host === 'docker.io' ? [HUB_SERVER, ...spellings] : spellings;
}
