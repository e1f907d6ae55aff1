import { invalid } from '../base/errors.ts';
import type { Operation } from '../plan/operations.ts';
import type { EndpointRequest } from './contract.ts';
import { writeSysctl } from './endpoint-plan.ts';

/** Driver options of endpoints. */

const SYSCTLS = 'com.docker.network.endpoint.sysctls';

/**
 * Settings of the endpoint's interface, "net.ipv4.conf.IFNAME.log_martians=1,...", as steps for its namespace. Fails with
 * `invalid-argument` for anything but settings of that one interface.
 */
export function endpointSysctls(
  { driverOptions }: EndpointRequest,
  interfaceName: string,
): readonly Operation[] {
  const text = driverOptions[SYSCTLS];
  if (text === undefined || text === '') return [];
  return text.split(',').map((setting) => {
    const equals = setting.indexOf('=');
    const match = /^net\.(ipv[46]|mpls)\.(conf|neigh)\.IFNAME\.(\w+)$/.exec(
      setting.slice(0, Math.max(equals, 0)).trim(),
    );
    if (match === null) throw invalid(`invalid endpoint sysctl setting ${JSON.stringify(setting)}`);
    const [, area, kind, key] = match;
    return writeSysctl(
      `/proc/sys/net/${area}/${kind}/${interfaceName}/${key}`,
      setting.slice(equals + 1).trim(),
    );
  });
}
