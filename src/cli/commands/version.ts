import { messageOf } from '../../base/errors.ts';
import { serverVersion } from '../../client/system.ts';
import type { TypeOf } from '../../wire/schema.ts';
import { Version } from '../../wire/system-types.ts';
import { type ClientFacts, clientFacts } from '../client-facts.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { messageOfFailure } from '../failure.ts';
import { flag } from '../flag.ts';
import { text } from '../flag-types.ts';
import { alignTabs } from '../format/tabwriter.ts';
import { formatAsctime } from '../format/time.ts';
import { formatUsage } from '../format-usage.ts';
import type { Session } from '../session.ts';
import type { Execution } from '../template/evaluate.ts';

type ServerVersion = TypeOf<typeof Version>;

export const command = defineCommand({
  flags: { format: flag(text(), 'f', formatUsage('object')) },
  args: { atMost: 0 },
  async run({ options, session }) {
    const template = options.format === '' ? undefined : await parseFormat(options.format);
    const { server, failure } = await askServer(session);
    const apiVersion = server === undefined ? '' : await (await session.client()).version();
    const versions = { client: clientFacts(session, apiVersion), server };
    const { output, error } = template?.(versions) ?? { output: versionText(versions), error: undefined };
    session.io.out(`${alignTabs(output, versionTabs)}\n`);
    const problem = failure ?? error?.message;
    if (problem !== undefined) throw new CommandError(problem);
  },
});

const versionTabs = { minWidth: 20, padding: 1 };

interface Versions {
  readonly client: ClientFacts;
  readonly server: ServerVersion | undefined;
}

async function askServer(
  session: Session,
): Promise<{ server: ServerVersion | undefined; failure: string | undefined }> {
  try {
    return { server: withEngine(await serverVersion(await session.client())), failure: undefined };
  } catch (reason) {
    return { server: undefined, failure: messageOfFailure(reason, session.address.host) };
  }
}

/** Daemons that list no components are an engine themselves. */
function withEngine(server: ServerVersion): ServerVersion {
  const components = server.Components ?? [];
  if (components.some(({ Name }) => Name === 'Engine')) {
    return { ...server, Components: components.map(withReadableTime) };
  }
  const engine = {
    Name: 'Engine',
    Version: server.Version,
    Details: {
      ApiVersion: server.ApiVersion,
      MinAPIVersion: server.MinAPIVersion ?? '',
      GitCommit: server.GitCommit,
      GoVersion: server.GoVersion,
      Os: server.Os,
      Arch: server.Arch,
      BuildTime: server.BuildTime ?? '',
      Experimental: String(server.Experimental ?? false),
    },
  };
  return { ...server, Components: [...components, withReadableTime(engine)] };
}

type ComponentOf = NonNullable<NonNullable<ServerVersion['Components']>[number]>;

function withReadableTime(component: ComponentOf): ComponentOf {
  const built = component.Details?.BuildTime;
  if (component.Name !== 'Engine' || built === undefined) return component;
  return { ...component, Details: { ...component.Details, BuildTime: formatAsctime(built) } };
}

/** Lines of a label, a tab and a value. */
function versionText({ client, server }: Versions): string {
  const downgraded =
    client.ApiVersion !== '' && client.ApiVersion !== client.DefaultAPIVersion
      ? ` (downgraded from ${client.DefaultAPIVersion})`
      : '';
  const lines = [
    'Client:',
    ` Version:\t${client.Version}`,
    ` API version:\t${client.ApiVersion || client.DefaultAPIVersion}${downgraded}`,
    ` Bun version:\t${client.GoVersion.slice('bun'.length)}`,
    ` Git commit:\t${client.GitCommit}`,
    ` OS/Arch:\t${client.Os}/${client.Arch}`,
    ` Context:\t${client.Context}`,
  ];
  if (server === undefined) return lines.join('\n');
  const platform = server.Platform?.Name ?? '';
  lines.push('', `Server:${platform === '' ? '' : ` ${platform}`}`);
  for (const component of server.Components ?? []) {
    lines.push(` ${component.Name}:`, ...componentLines(component));
  }
  return lines.join('\n');
}

function componentLines({ Name, Version, Details }: ComponentOf): string[] {
  const details = Details ?? {};
  const of = (key: string): string => details[key] ?? '';
  if (Name !== 'Engine') {
    const keys = Object.keys(details).sort();
    return [`  Version:\t${Version}`, ...keys.map((key) => `  ${key}:\t${of(key)}`)];
  }
  return [
    `  Version:\t${Version}`,
    `  API version:\t${of('ApiVersion')} (minimum version ${of('MinAPIVersion')})`,
    `  Go version:\t${of('GoVersion')}`,
    `  Git commit:\t${of('GitCommit')}`,
    `  Built:\t${of('BuildTime')}`,
    `  OS/Arch:\t${of('Os')}/${of('Arch')}`,
    `  Experimental:\t${of('Experimental')}`,
  ];
}

async function parseFormat(format: string): Promise<(versions: Versions) => Execution> {
  const { Template } = await import('../template/template.ts');
  const { NilPointer, Struct } = await import('../template/values.ts');
  const { structOf } = await import('../template/typed.ts');
  try {
    const template = Template.parse(format === 'json' ? '{{json .}}' : format, 'version');
    return ({ client, server }) => {
      const { ApiVersion: APIVersion, ...others } = client;
      const members = Object.entries({
        Platform: new NilPointer('*system.platformInfo'),
        ...others,
        APIVersion,
      });
      const data = new Struct('system.versionInfo', [
        ['Client', new Struct('system.clientVersion', members, () => withoutEmpty(client))],
        [
          'Server',
          server === undefined
            ? new NilPointer('*types.Version')
            : structOf(Version, server, 'types.Version'),
        ],
      ]);
      return template.attempt(data);
    };
  } catch (reason) {
    throw new CommandError(`template parsing error: ${messageOf(reason)}`, 64);
  }
}

function withoutEmpty(facts: ClientFacts): Record<string, string> {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== ''));
}
