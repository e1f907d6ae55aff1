/**
 * Writes down what Debian's newest dockerd makes of the cases with both of its builders, of all topics or those that are named:
 * `bun test/compat/build/record.ts [topic…]`.
 */
import { join } from 'node:path';
import { startNewestDockerd } from '../../../bench/newest-dockerd.ts';
import { type BuilderName, builders } from './case.ts';
import { buildersOf, handWritten, topics } from './cases.ts';
import { type Outcome, outcomesPath } from './outcome.ts';
import { openStage, play, type Stage } from './play.ts';

const chosen = process.argv.slice(2);
await using dockerd = await startNewestDockerd();
await using _remote = await serveBeside(dockerd.daemonProcesses()[0] ?? 0);
const stage = await openStage({
  socket: dockerd.socket,
  environment: { DOCKER_HOST: `unix://${dockerd.socket}`, DOCKER_CONFIG: dockerd.clientConfig },
  commands: {
    classic: ['docker', 'build'],
    buildkit: ['docker', 'buildx', 'build', '--progress', 'plain'],
  },
});
for (const topic of Object.keys(topics)) {
  if (handWritten.includes(topic)) continue;
  if (chosen.length === 0 || chosen.includes(topic)) await record(stage, topic);
}

/** What ADD takes from elsewhere, in the network of a process. */
async function serveBeside(pid: number): Promise<AsyncDisposable> {
  const program = join(import.meta.dir, 'remote.ts');
  const child = Bun.spawn(['nsenter', `--net=/proc/${pid}/ns/net`, process.execPath, program], {
    stdout: 'pipe',
  });
  for await (const _ of child.stdout) break;
  return {
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await child.exited;
    },
  };
}

async function record(where: Stage, topic: string): Promise<void> {
  const jobs = Object.entries(topics[topic] ?? {}).flatMap(([name, what]) =>
    buildersOf(what).map((builder) => ({ name: `${name}, ${builder}`, builder, what })),
  );
  const outcomes = new Map<string, Outcome>();
  // One after the other: they share images, and the names that cases give them.
  const work = async (only: BuilderName): Promise<void> => {
    for (const { name, builder, what } of jobs)
      if (builder === only) outcomes.set(name, await play(where, builder, what));
  };
  for (const builder of builders) await work(builder);
  const lines = jobs.map(({ name }) => `${JSON.stringify(name)}: ${JSON.stringify(outcomes.get(name))}`);
  await Bun.write(outcomesPath(topic), `{\n${lines.join(',\n')}\n}\n`);
  console.log(`${topic}: ${jobs.length}`);
}
