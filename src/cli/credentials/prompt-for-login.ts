import { CommandError } from '../command-error.ts';
import type { Io } from '../io.ts';
import { HUB_SERVER, type Login } from './login.ts';
import { Prompt } from './prompt.ts';

export interface KnownLogin {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Taken when the user gives none. */
  readonly defaultUsername?: string | undefined;
}

/** Asks on the terminal for what is not known of the login. Throws CommandError in Docker's words when the user gives nothing. */
export async function promptForLogin(io: Io, server: string, known: KnownLogin = {}): Promise<Login> {
  const prompt = new Prompt(io);
  try {
    const username = known.username?.trim() || (await askUsername(io, prompt, server, known.defaultUsername));
    const password = known.password?.trim() || (await prompt.askSecret('Password: '));
    if (password === '') throw new CommandError('Error: Password Required');
    return { username, password, identityToken: '' };
  } finally {
    await prompt.close();
  }
}

async function askUsername(io: Io, prompt: Prompt, server: string, defaultUsername = ''): Promise<string> {
  if (server === HUB_SERVER) {
    io.out('Log in to Docker Hub with your Docker ID, and your password or an access token.\n');
  }
  const known = defaultUsername === '' ? '' : ` (${defaultUsername})`;
  const username = (await prompt.ask(`Username${known}: `)) || defaultUsername;
  if (username === '') throw new CommandError('Error: Non-null Username Required');
  return username;
}
