import { isIpcSysctl } from '../oci/ipc-sysctls.ts';
import type { NamespaceType } from '../oci/runtime-spec.ts';
import type { Operation } from '../plan/operations.ts';
import { specError } from './start-errors.ts';

/** Steps for sysctls that belong to one of the container's own namespaces. Others fail with StartError in runc's words. */
export function planSysctls(
  sysctls: Readonly<Record<string, string>>,
  separate: ReadonlySet<NamespaceType>,
): Operation[] {
  return Object.entries(sysctls).map(([name, value]) => {
    const path = sysctlPath(name);
    checkNamespace(path.replaceAll('/', '.'), separate);
    return { op: 'sysctl', path, value };
  });
}

/** Dots part a name unless a slash does first; then dots belong to the parts, as in "net/ipv4/conf/eth0.1/forwarding" (sysctl(8)). */
function sysctlPath(name: string): string {
  const first = /[./]/.exec(name)?.[0];
  if (first === '/') return name;
  return name.replace(/[./]/g, (separator) => (separator === '.' ? '/' : '.'));
}

function checkNamespace(name: string, separate: ReadonlySet<NamespaceType>): void {
  const quoted = JSON.stringify(name);
  if (isIpcSysctl(name)) {
    if (separate.has('ipc')) return;
    throw specError(`sysctl ${quoted} is not allowed in the hosts ipc namespace`);
  }
  if (name.startsWith('net.')) {
    if (separate.has('network')) return;
    throw specError(`sysctl ${quoted} not allowed in host network namespace`);
  }
  if (name.startsWith('user.')) {
    if (separate.has('user')) return;
    throw specError(`sysctl ${quoted} is not allowed in the hosts user namespace`);
  }
  if (name === 'kernel.domainname' && separate.has('uts')) return;
  if (name === 'kernel.hostname' && separate.has('uts')) {
    throw specError(`sysctl ${quoted} is not allowed as it conflicts with the OCI "hostname" field`);
  }
  throw specError(`sysctl ${quoted} is not in a separate kernel namespace`);
}
