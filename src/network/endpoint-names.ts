import { invalid } from '../base/errors.ts';

const INTERFACE_NAME = 'com.docker.network.endpoint.ifname';

/** The name that an endpoint's interface is to have; undefined when nobody said. Fails with `invalid-argument`. */
export function chosenInterfaceName(
  driverOptions: Readonly<Record<string, string>> | null | undefined,
): string | undefined {
  const name = driverOptions?.[INTERFACE_NAME];
  if (name === undefined || name === '') return undefined;
  if (name.length > 15 || !/^[\w.-]+$/.test(name) || name === '.' || name === '..' || name === 'lo') {
    throw invalid(`invalid interface name: ${JSON.stringify(name)}`);
  }
  return name;
}
