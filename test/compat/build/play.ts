import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { BuildCase, BuilderName } from './case.ts';
import { makeContext } from './context.ts';
import { type SavedImage, savedImage } from './image-files.ts';
import { failureIn, lastingConfig, normalise, warningsIn } from './normalise.ts';
import type { Outcome } from './outcome.ts';

/** Where cases are played: a daemon that has the image "busybox", and the command lines of its builders. */
export interface Stage {
  readonly socket: string;
  readonly commands: Readonly<Record<BuilderName, readonly string[]>>;
  readonly environment: Readonly<Record<string, string>>;
  readonly base: SavedImage;
}

export async function openStage(parts: Omit<Stage, 'base'>): Promise<Stage> {
  return { ...parts, base: await savedImage(parts.socket, 'busybox') };
}

/** Both builders of a daemon of ours: Docker's command line speaks to the classic one. */
export function openOwnStage(socket: string): Promise<Stage> {
  const host = `unix://${socket}`;
  return openStage({
    socket,
    environment: { DOCKER_HOST: host, SAMPAN_HOST: host },
    commands: {
      classic: ['docker', 'build'],
      buildkit: [join(import.meta.dir, '../../../sampan'), 'build', '--progress', 'plain'],
    },
  });
}

/** Builds a case as a person would. Its images are gone afterwards. */
export async function play(stage: Stage, builder: BuilderName, what: BuildCase): Promise<Outcome> {
  const home = mkdtempSync(join(tmpdir(), 'corpus-'));
  const directory = join(home, 'context');
  const made: string[] = [];
  try {
    makeContext(directory, what);
    for (const [name, dockerfile] of Object.entries(what.before ?? {})) {
      const built = await build(stage, builder, { what, directory, dockerfile, options: ['-t', name] });
      if (built.exit !== 0) throw new Error(`${name}, which is needed, cannot be built: ${built.err}`);
      made.unshift(name);
    }
    const options = (what.options ?? []).map((option) => option.replaceAll('<context>', directory));
    const built = await build(stage, builder, { what, directory, dockerfile: what.dockerfile, options });
    const outcome = outcomeOf(builder, built, directory);
    if (built.id === undefined) return outcome;
    // FROM alone gives the base itself.
    if (built.id !== stage.base.id) made.unshift(built.id);
    const image = await savedImage(stage.socket, built.id);
    const config = lastingConfig(image.config, directory, what.isDated);
    return { ...outcome, config, files: changes(stage.base, image) };
  } finally {
    for (const name of made) await remove(stage, name);
    rmSync(home, { recursive: true, force: true });
  }
}

interface Built {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
  readonly id: string | undefined;
}

interface Order {
  readonly what: BuildCase;
  readonly directory: string;
  readonly dockerfile: string;
  readonly options: readonly string[];
}

async function build(stage: Stage, builder: BuilderName, order: Order): Promise<Built> {
  const { what, directory, dockerfile, options } = order;
  const idFile = join(directory, '../id');
  await Bun.write(join(directory, 'Dockerfile'), dockerfile);
  // Whatever was built before: what a build says must not depend on it.
  const command = [...stage.commands[builder], '--no-cache', '--iidfile', idFile, ...options, directory];
  const child = Bun.spawn(command, {
    env: {
      ...process.env,
      ...stage.environment,
      DOCKER_BUILDKIT: builder === 'classic' ? '0' : '1',
      ...what.environment,
    },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    timeout: 120_000,
  });
  const [out, err, exit] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  const id = exit === 0 && existsSync(idFile) ? readFileSync(idFile, 'utf8') : undefined;
  return { exit, out, err, id };
}

function outcomeOf(builder: BuilderName, { exit, out, err }: Built, directory: string): Outcome {
  const home = dirname(directory);
  const [plainOut, plainErr] = [out, err].map((text) =>
    normalise(text, directory).replaceAll(home, '<home>'),
  );
  const said = { out: plainOut ?? '', err: plainErr ?? '' };
  if (builder === 'classic')
    return { exit, said: `${said.out}${said.err}`.split('\n').filter((line) => line !== '') };
  const warnings = warningsIn(said.err);
  return { exit, said: failureIn(said.err), ...(warnings.length > 0 && { warnings }) };
}

function changes(base: SavedImage, image: SavedImage): string[] {
  const added = [...image.files].filter(([path, text]) => base.files.get(path) !== text);
  const gone = [...base.files.keys()].filter((path) => !image.files.has(path));
  return [...added.map(([path, text]) => `${path} ${text}`), ...gone.map((path) => `${path} gone`)].sort();
}

async function remove({ socket }: Stage, name: string): Promise<void> {
  const answer = await fetch(`http://d/images/${name}?force=1`, { method: 'DELETE', unix: socket });
  await answer.text();
}
