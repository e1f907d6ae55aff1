import { expect, test } from 'bun:test';
import { image } from '../testing/samples.ts';
import { renderImage } from './image.ts';

test('an image tells an empty configuration of the container that made it up to API 1.44, as docker-compose 1 needs', () => {
  // What dockerd 20.10 tells of an image that no container made.
  const empty = {
    ...{ AttachStderr: false, AttachStdin: false, AttachStdout: false, Cmd: null, Domainname: '' },
    ...{ Entrypoint: null, Env: null, Hostname: '', Image: '', Labels: null, OnBuild: null },
    ...{ OpenStdin: false, StdinOnce: false, Tty: false, User: '', Volumes: null, WorkingDir: '' },
  };
  expect(renderImage(image(), 'overlay2', '1.44')).toMatchObject({ Container: '', ContainerConfig: empty });
  expect(renderImage(image(), 'overlay2', '1.45')).not.toHaveProperty('ContainerConfig');
});
