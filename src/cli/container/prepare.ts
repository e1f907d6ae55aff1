import { messageOf } from '../../base/errors.ts';
import type { Invocation } from '../command.ts';
import type { FlagTable } from '../flag.ts';
import { proxyEnvironment } from '../proxy-environment.ts';
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
