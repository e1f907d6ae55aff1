import type { EventSink } from '../../base/events.ts';
import type { Endpoint, Networks } from '../../network/contract.ts';
import type { Container, MountPoint } from '../contract.ts';
import type { StoredMount } from '../mounts/stored-mount.ts';

/** What happens to containers, in Docker's vocabulary. */
export interface ContainerEvents {
  container(container: Container, action: string, attributes?: Readonly<Record<string, string>>): void;
  network(container: Container, action: 'connect' | 'disconnect', endpoint: Endpoint): void;
  volumes(container: Container, action: 'mount' | 'unmount', mounts: readonly StoredMount[]): void;
  prune(reclaimed: number): void;
}

export function createContainerEvents(sink: EventSink, networks: Networks): ContainerEvents {
  return {
    container(container, action, attributes = {}) {
      sink.publish({
        type: 'container',
        action,
        id: container.id,
        attributes: {
          ...container.config.Labels,
          image: container.config.Image,
          name: container.name,
          ...attributes,
        },
      });
    },
    network(container, action, endpoint) {
      sink.publish({
        type: 'network',
        action,
        id: endpoint.networkId,
        attributes: {
          container: container.id,
          name: endpoint.networkName,
          type: driverOf(networks, endpoint),
        },
      });
    },
    volumes(container, action, mounts) {
      for (const { point } of mounts) {
        if (point.type !== 'volume' || point.name === undefined) continue;
        sink.publish({
          type: 'volume',
          action,
          id: point.name,
          attributes: {
            container: container.id,
            driver: point.driver ?? 'local',
            ...(action === 'mount' ? describeMount(point) : {}),
          },
        });
      }
    },
    prune(reclaimed) {
      sink.publish({
        type: 'container',
        action: 'prune',
        id: '',
        attributes: { reclaimed: String(reclaimed) },
      });
    },
  };
}

function describeMount({ destination, propagation, writable }: MountPoint): Record<string, string> {
  return { destination, propagation, 'read/write': String(writable) };
}

/** The network may be gone by the time its last container leaves. */
function driverOf(networks: Networks, endpoint: Endpoint): string {
  try {
    return networks.get(endpoint.networkId).driver;
  } catch {
    return '';
  }
}
