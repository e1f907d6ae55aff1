import type { Client } from '../client/client.ts';
import { inspectContainerText } from '../client/containers.ts';
import { inspectImageText, type Platform } from '../client/images.ts';
import { inspectNetworkText } from '../client/networks.ts';
import { inspectVolumeText } from '../client/volumes.ts';
import type { Inspected } from './inspect-output.ts';

/** How each kind of object is looked up for `inspect`. */

export async function findContainer(client: Client, name: string, size: boolean): Promise<Inspected> {
  const text = await inspectContainerText(client, name, size);
  const { ContainerInspect } = await import('../wire/container-types.ts');
  return { text, schema: ContainerInspect, typeName: 'container.InspectResponse' };
}

export async function findImage(client: Client, name: string, platform?: Platform): Promise<Inspected> {
  const text = await inspectImageText(client, name, platform);
  const { ImageInspect } = await import('../wire/image-types.ts');
  return { text, schema: ImageInspect, typeName: 'image.InspectResponse' };
}

export async function findNetwork(client: Client, name: string, verbose = false): Promise<Inspected> {
  const text = await inspectNetworkText(client, name, { verbose });
  const { NetworkInspect } = await import('../wire/network-types.ts');
  return { text, schema: NetworkInspect, typeName: 'network.Inspect' };
}

export async function findVolume(client: Client, name: string): Promise<Inspected> {
  const text = await inspectVolumeText(client, name);
  const { Volume } = await import('../wire/volume-types.ts');
  return { text, schema: Volume, typeName: 'volume.Volume' };
}
