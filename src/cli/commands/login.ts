import { background } from '../../base/context.ts';
import { messageOf } from '../../base/errors.ts';
import { ApiError, ConnectionError } from '../../client/errors.ts';
import { authenticate } from '../../client/registries.ts';
import type { AuthResponse } from '../../wire/registry-types.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { credentialStore } from '../credentials/credential-store.ts';
import { authConfigOf, HUB_SERVER, hostOfServer, type Login } from '../credentials/login.ts';
import { promptForLogin } from '../credentials/prompt-for-login.ts';
import { messageOfFailure } from '../failure.ts';
import { flag } from '../flag.ts';
import { bool, text } from '../flag-types.ts';
import type { Io } from '../io.ts';
import { note } from '../note.ts';
import type { Session } from '../session.ts';

const MAX_PASSWORD_BYTES = 1 << 20;

export const command = defineCommand({
  flags: {
    password: flag(text(), 'p', 'Password or access token'),
    'password-stdin': flag(bool(), '', 'Read the password or access token from standard input'),
    username: flag(text(), 'u', 'User name'),
  },
  args: { atMost: 1 },
  long: () =>
    'Log in to a registry, Docker Hub unless another is named.\n\nUser name and password are asked for where they are not given.',
  async run({ args, options, changed, session }) {
    checkFlags(options, changed);
    const { io } = session;
    if (options.password !== '') {
      io.err('WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n');
    }
    const password = options['password-stdin'] ? await readPassword(io) : options.password;
    const server = serverOf(args[0] ?? '');
    const stored = options.username === '' && password === '' ? await findStored(session, server) : undefined;
    const status =
      (await loginWithStored(session, server, stored)) ??
      (await loginAs(session, server, {
        username: options.username,
        password,
        defaultUsername: stored?.username,
      }));
    if (status !== '') io.out(`${status}\n`);
  },
});

interface LoginOptions {
  readonly username: string;
  readonly password: string;
}

function checkFlags(
  options: LoginOptions,
  changed: (name: 'password' | 'password-stdin' | 'username') => boolean,
): void {
  if (changed('password-stdin')) {
    if (changed('password')) {
      throw new CommandError('conflicting options: cannot specify both --password and --password-stdin');
    }
    if (!changed('username')) {
      throw new CommandError('the --password-stdin option requires --username to be set');
    }
  }
  if (changed('username') && options.username === '') throw new CommandError('username is empty');
  if (changed('password') && options.password === '') throw new CommandError('password is empty');
}

async function readPassword(io: Io): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of io.stdin()) {
    size += part.length;
    if (size > MAX_PASSWORD_BYTES) throw new CommandError('the password on standard input is too long');
    parts.push(part);
  }
  return Buffer.concat(parts)
    .toString()
    .replace(/\r?\n$/, '');
}

/** The key under which the login will be kept. */
function serverOf(given: string): string {
  return given === '' || given === 'docker.io' || given === HUB_SERVER ? HUB_SERVER : hostOfServer(given);
}

async function findStored(session: Session, server: string): Promise<Login | undefined> {
  try {
    return await credentialStore(session, server).get(server);
  } catch {
    // The user is asked, as if there were none; storing the answer tells what is wrong with the helper.
    return undefined;
  }
}

/** The registry's answer, or undefined when the user must be asked. */
async function loginWithStored(
  session: Session,
  server: string,
  login: Login | undefined,
): Promise<string | undefined> {
  if (login === undefined || login.username === '' || login.password === '') return undefined;
  const { io, programName } = session;
  io.err(`Authenticating with existing credentials... [Username: ${login.username}]\n`);
  io.err(
    `${note(`To login with a different account, run '${programName} logout' followed by '${programName} login'`)}\n\n`,
  );
  try {
    return await authenticateAndKeep(session, server, { ...login, identityToken: '' });
  } catch (reason) {
    if (!(reason instanceof ApiError)) throw reason;
    const why = messageOfFailure(reason, session.address.host);
    io.err(
      reason.status === 401
        ? 'Stored credentials invalid or expired\n'
        : `Login did not succeed, error: ${why}\n`,
    );
    return undefined;
  }
}

async function loginAs(
  session: Session,
  server: string,
  known: LoginOptions & { readonly defaultUsername: string | undefined },
): Promise<string> {
  if ((known.username === '' || known.password === '') && !session.io.stdinIsTerminal) {
    throw new CommandError('Error: Cannot perform an interactive login from a non TTY device');
  }
  return authenticateAndKeep(session, server, await promptForLogin(session.io, server, known));
}

async function authenticateAndKeep(session: Session, server: string, login: Login): Promise<string> {
  const { Status, IdentityToken } = await authenticateAt(session, server, login);
  const kept = IdentityToken === '' ? login : { ...login, password: '', identityToken: IdentityToken };
  await credentialStore(session, server)
    .store(server, kept)
    .catch((reason: unknown) => {
      throw new CommandError(`Error saving credentials: ${messageOf(reason)}`);
    });
  return Status;
}

/** Asks the daemon to show the login to the registry. Where there is no daemon, this does it: what is kept is the user's, not the daemon's. */
async function authenticateAt(session: Session, server: string, login: Login): Promise<AuthResponse> {
  try {
    return await authenticate(await session.client(), authConfigOf(server, login));
  } catch (reason) {
    if (!(reason instanceof ConnectionError)) throw reason;
  }
  const { createRegistryClient } = await import('../../distribution/registry-client.ts');
  const registries = createRegistryClient(() => ({ registryMirrors: [], insecureRegistries: [] }));
  const credentials = { ...login, registryToken: '' };
  const { status, identityToken } = await registries.authenticate(background(), server, credentials);
  return { Status: status, IdentityToken: identityToken };
}
