import { messageOf } from '../../base/errors.ts';
import { ConnectionError } from '../../client/errors.ts';
import { serverInfo } from '../../client/system.ts';
import type { TypeOf } from '../../wire/schema.ts';
import { Info } from '../../wire/system-types.ts';
import { clientFacts } from '../client-facts.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { messageOfFailure } from '../failure.ts';
import { flag } from '../flag.ts';
import { text } from '../flag-types.ts';
import { formatUsage } from '../format-usage.ts';
import { infoLines } from '../info-text.ts';
import type { Session } from '../session.ts';

type ServerInfo = TypeOf<typeof Info>;

export const command = defineCommand({
  flags: { format: flag(text(), 'f', formatUsage('object')) },
  args: { atMost: 0 },
  async run({ options, session }) {
    if (options.format === '') await printLines(session);
    else await printTemplate(session, options.format === 'json' ? '{{json .}}' : options.format);
  },
});

async function printLines(session: Session): Promise<void> {
  const { io, globals } = session;
  const { info, reason } = await askServer(session);
  const facts = clientFacts(session, '');
  io.out(
    `Client:\n Version:    ${facts.Version}\n Context:    ${facts.Context}\n Debug Mode: ${globals.debug}\n\n`,
  );
  io.out('Server:\n');
  if (info !== undefined) {
    const userName = session.config.auths['https://index.docker.io/v1/']?.username ?? '';
    io.out(
      infoLines(info, globals.debug, userName)
        .map((line) => `${line}\n`)
        .join(''),
    );
    for (const warning of info.Warnings ?? []) io.err(`${warning}\n`);
    return;
  }
  const message = messageOfFailure(reason, session.address.host);
  if (reason instanceof ConnectionError) throw new CommandError(message);
  throw new CommandError(`ERROR: ${message}\nerrors pretty printing info`);
}

async function askServer(session: Session): Promise<{ info?: ServerInfo; reason?: unknown }> {
  try {
    return { info: await serverInfo(await session.client()) };
  } catch (reason) {
    return { reason };
  }
}

async function printTemplate(session: Session, format: string): Promise<void> {
  const template = await parseTemplate(format);
  const client = await clientStruct(session);
  const clientMembers = [['ClientInfo', client] as const, ['ClientErrors', []] as const];
  // The daemon is asked only if the template wants to know more than the client does.
  if (/\.[a-zA-Z]/.test(format)) {
    const { Struct } = await import('../template/values.ts');
    const { output, error } = template.attempt(new Struct('system.sparseInfo', clientMembers));
    if (error === undefined) {
      session.io.out(`${output}\n`);
      return;
    }
  }
  const { info, reason } = await askServer(session);
  const failure = reason === undefined ? undefined : messageOfFailure(reason, session.address.host);
  const { output, error } = template.attempt(await infoStruct(info, failure, clientMembers));
  session.io.out(`${output}\n`);
  const problems = [failure, error?.message].filter((one) => one !== undefined);
  if (problems.length > 0) throw new CommandError(problems.join('\n'));
}

async function parseTemplate(format: string) {
  const { Template } = await import('../template/template.ts');
  try {
    return Template.parse(format);
  } catch (reason) {
    throw new CommandError(`template parsing error: ${messageOf(reason)}`, 64);
  }
}

async function clientStruct(session: Session): Promise<unknown> {
  const { Struct } = await import('../template/values.ts');
  const { ApiVersion: APIVersion, ...facts } = clientFacts(session, '');
  const own = { Debug: session.globals.debug, ...facts, APIVersion, Plugins: [], Warnings: null };
  const json = { Debug: own.Debug, ...withoutEmpty(facts), Plugins: [], Warnings: null };
  return new Struct('*system.clientInfo', Object.entries(own), () => new Struct('', Object.entries(json)));
}

/** The server's fields, then what this program adds to them. */
async function infoStruct(
  info: ServerInfo | undefined,
  failure: string | undefined,
  client: readonly (readonly [string, unknown])[],
): Promise<unknown> {
  const { Struct } = await import('../template/values.ts');
  const { structOf } = await import('../template/typed.ts');
  const server = structOf(Info, info ?? {}, 'system.Info');
  const errors = failure === undefined ? [] : [failure];
  const membersOf = (value: unknown) => (value instanceof Struct ? [...value.members] : []);
  return new Struct(
    'system.dockerInfo',
    [...membersOf(server), ['ServerErrors', errors], ...client],
    () =>
      new Struct('', [
        ...(server instanceof Struct && info !== undefined ? membersOf(server.json?.()) : []),
        ...(errors.length === 0 ? [] : [['ServerErrors', errors] as const]),
        ...client.slice(0, 1),
      ]),
  );
}

function withoutEmpty(facts: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== ''));
}
