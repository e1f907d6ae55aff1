import { ImageMount, LayerChange, LayerReport } from '../image-content-types.ts';
import type { Route } from '../route.ts';
import { list } from '../schema.ts';

/** What Docker has not: looking into images. */
export const imageContentRoutes = {
  imageMountList: {
    method: 'GET',
    path: '/images/mounts',
    summary: 'Lists the images that are mounted.',
    query: {},
    statuses: [200],
    response: list(ImageMount),
    stream: 'none',
    since: '1.51',
    own: true,
  },
  imageMount: {
    method: 'POST',
    path: '/images/{name}/mount',
    summary: 'Mounts a read-only view of an image on the host; the same one each time.',
    query: {},
    statuses: [200],
    response: ImageMount,
    stream: 'none',
    since: '1.51',
    own: true,
  },
  // A name could not be told from the image "name/mount" that is to be removed.
  imageUnmount: {
    method: 'DELETE',
    path: '/images/{digest}/mount',
    summary: 'Takes the view of an image, named by its whole ID, away; 304 when there is none.',
    query: {},
    statuses: [204, 304],
    stream: 'none',
    since: '1.51',
    own: true,
  },
  imageLayers: {
    method: 'GET',
    path: '/images/{name}/layers',
    summary: 'Tells what each layer of an image adds, changes, removes and wastes, bottom first.',
    query: {},
    statuses: [200],
    response: list(LayerReport),
    stream: 'none',
    since: '1.51',
    own: true,
  },
  imageLayerChanges: {
    method: 'GET',
    path: '/images/{name}/layers/{digest}/changes',
    summary: 'Lists the paths that a layer, named by its diff ID, changes against those below it, sorted.',
    query: {},
    statuses: [200],
    response: LayerChange,
    stream: 'json',
    since: '1.51',
    own: true,
  },
} as const satisfies Record<string, Route>;
