import type { Database } from 'bun:sqlite';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { background, type Context } from '../../base/context.ts';
import { openDatabase } from '../../base/database.ts';
import { silentLogger } from '../../base/log.ts';
import type { CommitRequest, Images } from '../../images/contract.ts';
import type { ImageProcess, Platform } from '../../oci/image.ts';
import type { Volumes } from '../../volumes/contract.ts';
import { volumesSchema } from '../../volumes/schema.ts';
import { createVolumes } from '../../volumes/volumes.ts';
import { ContainerConfig, HostConfig } from '../../wire/container-config.ts';
import { type ContainerService, createContainers } from '../containers.ts';
import type { Container, CreateRequest } from '../contract.ts';
import type { ContainerDefaults } from '../defaults.ts';
import { containersSchema } from '../schema.ts';
import { FakeNetworks, FakeSnapshots, fakeImages, RecordedEvents } from './fake-neighbours.ts';
import { FakeRuntime } from './fake-runtime.ts';
import { FakeTrees } from './fake-trees.ts';

export interface HarnessOptions {
  readonly image?: ImageProcess;
  readonly platform?: Platform;
  readonly runtime?: FakeRuntime;
  readonly defaults?: Partial<ContainerDefaults>;
}

/** What a test asks for; everything else as if a client had sent nothing. */
export interface Wish {
  readonly name?: string;
  readonly platform?: string;
  readonly config?: Partial<ContainerConfig>;
  readonly hostConfig?: Partial<HostConfig>;
  readonly networking?: CreateRequest['networking'];
}

/** Containers over neighbours of paper, with a real database and real files of their own. */
export class Harness implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'sampan-containers-'));
  readonly context: Context = background();
  readonly events = new RecordedEvents();
  readonly snapshots = new FakeSnapshots();
  readonly trees = new FakeTrees();
  /** Images that were to be made of containers. */
  readonly commits: CommitRequest[] = [];
  /** Thrown when an image is made. */
  commitFailure: unknown;
  readonly runtime: FakeRuntime;
  networks = new FakeNetworks();
  database: Database;
  volumes: Volumes;
  containers: ContainerService;
  readonly #options: HarnessOptions;

  constructor(options: HarnessOptions = {}) {
    this.#options = options;
    this.runtime = options.runtime ?? new FakeRuntime();
    this.database = this.#openDatabase();
    this.volumes = this.#openVolumes();
    this.containers = this.#open();
  }

  /** As after SIGKILL: what was in memory is gone, files, database and tasks are not. */
  async restartDaemon(): Promise<void> {
    // It writes nothing any more; only its timers have to be told.
    await this.containers.shutdown(this.context);
    this.database.close();
    this.database = this.#openDatabase();
    this.volumes = this.#openVolumes();
    this.networks = new FakeNetworks();
    this.containers = this.#open();
    await this.containers.recover(this.context);
  }

  create(wish: Wish = {}): Promise<{ readonly id: string; readonly warnings: readonly string[] }> {
    return this.containers.create(this.context, request(wish));
  }

  /** A container that runs. */
  async run(wish: Wish = {}): Promise<string> {
    const { id } = await this.create(wish);
    await this.containers.start(this.context, id);
    return id;
  }

  /** Ends the task, and waits until that has been dealt with. */
  async end(id: string, code: number): Promise<void> {
    const exit = this.containers.wait(this.context, id, 'next-exit');
    this.runtime.task(id).end(code);
    await exit;
    await settle();
  }

  get(reference: string): Container {
    return this.containers.get(reference);
  }

  [Symbol.dispose](): void {
    void this.containers.shutdown(this.context);
    this.database.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  #openDatabase(): Database {
    return openDatabase(join(this.directory, 'state.db'), [containersSchema, volumesSchema]);
  }

  #openVolumes(): Volumes {
    return createVolumes({
      root: join(this.directory, 'volumes'),
      database: this.database,
      launcher: { run: async () => new Map() },
      trees: this.trees,
    });
  }

  #images(images: Images): Images {
    return {
      ...images,
      commit: async (_context, request) => {
        this.commits.push(request);
        if (this.commitFailure !== undefined) throw this.commitFailure;
        await Array.fromAsync(request.layer ?? []);
        return images.get('busybox');
      },
    };
  }

  #open(): ContainerService {
    const { image, platform, defaults } = this.#options;
    return createContainers({
      database: this.database,
      images: this.#images(fakeImages(image ?? { Cmd: ['sh'] }, platform)),
      snapshots: this.snapshots.driver,
      runtime: this.runtime,
      trees: this.trees,
      networks: this.networks,
      volumes: this.volumes,
      events: this.events,
      log: silentLogger,
      dataRoot: this.directory,
      execRoot: join(this.directory, 'run'),
      initBinary: '/usr/libexec/init',
      ...(defaults === undefined ? {} : { defaults }),
    });
  }
}

export function request({
  name = '',
  platform = '',
  config,
  hostConfig,
  networking = null,
}: Wish): CreateRequest {
  return {
    name,
    platform,
    config: { ...ContainerConfig.zero(), Image: 'busybox', ...config },
    hostConfig: { ...HostConfig.zero(), ...hostConfig },
    networking,
  };
}

/** Lets everything that is under way without waiting for anybody come to an end. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 2));
}
