import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { hexOf } from '../src/oci/digest.ts';
import { mediaTypes } from '../src/oci/media-types.ts';
import { DockerRegistry } from '../test/fixtures/docker-registry.ts';
import { Api } from './api.ts';
import type { Figures } from './figures.ts';
import { median, peakMemory, resetPeakMemory } from './measure.ts';
import type { Peer } from './peers.ts';
import type { BenchImage } from './pull-images.ts';

const RUNS = 3;
const MEGABYTE = 1e6;

/** A registry on loopback that has the images as "bench/<name>:latest". */
export async function startBenchRegistry(images: readonly BenchImage[]): Promise<DockerRegistry> {
  const registry = await DockerRegistry.start();
  for (const { name, manifest, directory } of images) {
    const repository = `bench/${name}`;
    for (const { digest } of [...manifest.layers, manifest.config]) {
      await registry.upload(repository, digest, Bun.file(join(directory, hexOf(digest))));
    }
    await registry.manifest(repository, 'latest', mediaTypes.dockerManifest, manifest);
  }
  return registry;
}

/** What a daemon takes for each image: pull or load until a container of it has run, and its removal. */
export async function measurePulls(
  peer: Peer,
  images: readonly BenchImage[],
  registry: DockerRegistry,
): Promise<Figures> {
  const api = new Api(peer.socket);
  const figures: Figures = new Map();
  for (const { name, archive } of images) {
    const repository = `${registry.host}/bench/${name}`;
    const pull = (): Promise<unknown> =>
      api.upload(`/images/create?fromImage=${repository}&tag=latest`, Buffer.alloc(0));
    await measureImage(peer, api, figures, {
      title: `pull of ${name}`,
      image: `${repository}:latest`,
      bring: pull,
    });
    const load = (): Promise<unknown> => api.upload('/images/load?quiet=1', Bun.file(archive));
    await measureImage(peer, api, figures, {
      title: `load of ${name}`,
      image: `loaded-${name}:bench`,
      bring: load,
    });
  }
  return figures;
}

interface Way {
  readonly title: string;
  readonly image: string;
  bring(): Promise<unknown>;
}

async function measureImage(peer: Peer, api: Api, figures: Figures, way: Way): Promise<void> {
  const { title, image, bring } = way;
  const times: number[] = [];
  const removals: number[] = [];
  let slowest = 0;
  let peak = 0;
  for (let run = 0; run < RUNS; run++) {
    // What others wrote is not to be waited for.
    spawnSync('sync');
    resetPeakMemory(peer.daemonProcesses());
    const begin = performance.now();
    const watch = watchAnswers(api);
    await bring();
    const container = await runTrue(api, image);
    times.push(performance.now() - begin);
    slowest = Math.max(slowest, await watch.stop());
    peak = Math.max(peak, peakMemory(peer.daemonProcesses()));
    await api.remove(container);
    removals.push(await timed(() => api.call('DELETE', `/images/${image}`)));
  }
  figures.set(`${title} and run`, median(times));
  figures.set(`${title}, peak MB`, peak / MEGABYTE);
  figures.set(`${title}, slowest ping`, slowest);
  figures.set(`${title}, removal`, median(removals));
}

/** Runs a container to its end; its ID. */
async function runTrue(api: Api, image: string): Promise<string> {
  const spec = { Image: image, Cmd: ['true'], HostConfig: { NetworkMode: 'none' } };
  const { Id } = await api.call<{ Id: string }>('POST', '/containers/create', spec);
  const exited = api.call('POST', `/containers/${Id}/wait?condition=next-exit`);
  await api.call('POST', `/containers/${Id}/start`);
  await exited;
  return Id;
}

/** Asks the daemon for a sign of life all the time; `stop` resolves with the longest that it took, milliseconds. */
function watchAnswers(api: Api): { stop(): Promise<number> } {
  let isOver = false;
  let slowest = 0;
  const asking = (async () => {
    while (!isOver) {
      slowest = Math.max(slowest, await timed(() => api.call('GET', '/_ping')));
      await Bun.sleep(5);
    }
  })();
  return {
    async stop() {
      isOver = true;
      await asking;
      return slowest;
    },
  };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
}
