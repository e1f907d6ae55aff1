import { expect, test } from 'bun:test';
import { image } from '../testing/samples.ts';
import { renderImage } from './image.ts';

test('an image tells up to API 1.44 of the volumes that docker-compose 1 hands on', () => {
  const { config } = image();
  const withVolume = image({ config: { ...config, config: { Volumes: { '/data': {} } } } });
  const legacy = renderImage(withVolume, 'overlay2', '1.44');
  expect(legacy).toMatchObject({ Container: '', ContainerConfig: { Volumes: { '/data': {} } } });
  expect(renderImage(withVolume, 'overlay2', '1.45')).not.toHaveProperty('ContainerConfig');
});
