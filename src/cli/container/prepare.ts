import { messageOf } from '../../base/errors.ts';
import type { Invocation } from '../command.ts';
import type { FlagTable } from '../flag.ts';
import { cut } from '../flag-types.ts';
import type { Session } from '../session.ts';
import { checkPull } from './create.ts';
import { type ContainerBody, createBody } from './create-body.ts';
import type { ContainerOptions } from './create-flags.ts';
import { withHelp } from './exit-status.ts';

/** Makes the request body out of the command line of `run` or `create`; what is wrong with it exits with 125. */
export function prepareBody<F extends FlagTable>(
  invocation: Invocation<F>,
  options: ContainerOptions & { readonly pull: string },
  name: 'run' | 'create',
): ContainerBody {
  const { args, changed, session } = invocation;
  const [image = '', ...command] = args;
  try {
    checkPull(options.pull);
    return createBody({
      options,
      changed: (flag) => changed(flag as keyof F & string),
      image,
      command,
      proxyEnvironment: proxyEnvironment(session, options.env),
    });
  } catch (reason) {
    const message = messageOf(reason);
    throw withHelp(session.programName, message, name, 125);
  }
}

const proxyVariables: Readonly<Record<string, string>> = {
  httpProxy: 'HTTP_PROXY',
  httpsProxy: 'HTTPS_PROXY',
  noProxy: 'NO_PROXY',
  ftpProxy: 'FTP_PROXY',
  allProxy: 'ALL_PROXY',
};

/** Proxies of the configuration, in both spellings, but for those that the command line sets itself. */
function proxyEnvironment(session: Session, env: readonly string[]): string[] {
  const { proxies } = session.config;
  const settings = proxies[session.address.host] ?? proxies.default ?? {};
  const own = new Set(env.map((entry) => cut(entry, '=')[0]));
  return Object.entries(proxyVariables).flatMap(([key, name]) => {
    const value = settings[key];
    if (value === undefined || value === '') return [];
    return [name, name.toLowerCase()].filter((one) => !own.has(one)).map((one) => `${one}=${value}`);
  });
}

export function createChoice(
  options: ContainerOptions & { readonly pull: string },
  environment: Session['io']['environment'],
) {
  return {
    name: options.name,
    platform: options.platform || environment.DOCKER_DEFAULT_PLATFORM || '',
    pull: options.pull,
    quiet: options.quiet,
  };
}
