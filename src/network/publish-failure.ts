import { internal, type SampanError } from '../base/errors.ts';
import type { PlanFailure } from '../plan/contract.ts';
import { errnoName } from '../plan/errno.ts';
import { PlanError } from '../plan/plan-error.ts';
import type { Endpoint, PublishedPort } from './contract.ts';

/** The failed `publish` behind an error of a start, wherever in its chain of causes. */
export function findPublishFailure(error: unknown): PlanFailure | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof PlanError) return cause.failure.operation === 'publish' ? cause.failure : undefined;
  }
  return undefined;
}

/** The ports of an endpoint that a failed `publish` was about: its subject is "address:port", which does not tell the protocol. */
export function failedPorts(endpoint: Endpoint, failure: PlanFailure): readonly PublishedPort[] {
  return endpoint.ports.filter(
    ({ hostAddress, hostPort }) => failure.subject === `${hostAddress}:${hostPort}`,
  );
}

/** Docker's words for a host port that could not be bound. */
export function describePublishFailure(
  endpoint: Endpoint,
  containerName: string,
  failure: PlanFailure,
): SampanError {
  const [port] = failedPorts(endpoint, failure);
  const what =
    port === undefined
      ? failure.subject
      : `${bracketed(port.hostAddress)}:${port.hostPort}:${endpoint.ipv4Address}:${port.containerPort}/${port.protocol}`;
  const why = failure.errno === 0 ? failure.detail : errnoName(failure.errno).message;
  return internal(
    `failed to set up container networking: ${connectivityPrefix(containerName, endpoint.endpointId)}` +
      `failed to bind host port for ${what}: ${why.charAt(0).toLowerCase()}${why.slice(1)}`,
  );
}

/** How Docker's messages about an endpoint's ports begin. */
export function connectivityPrefix(containerName: string, endpointId: string): string {
  return `driver failed programming external connectivity on endpoint ${containerName} (${endpointId}): `;
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
