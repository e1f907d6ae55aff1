import type { Context } from '../../base/context.ts';
import type { SandboxLimits } from '../../containers/sandbox/contract.ts';
import type { Dockerfile } from '../../dockerfile/dockerfile.ts';
import type { Digest } from '../../oci/digest.ts';
import type { ImageConfig, Platform } from '../../oci/image.ts';
import type { Vertex } from '../definition/vertex.ts';
import { compileStage } from './compile-stage.ts';
import { globalArgs } from './global-args.ts';
import { withLabels } from './labels.ts';
import type { StageState } from './stage-state.ts';
import { targetOf } from './targets.ts';

/** Everything besides the Dockerfile that decides what is made. */
export interface CompileOptions {
  readonly platform: Platform;
  readonly host: Platform;
  /** A stage's name or number; empty for the last. */
  readonly target: string;
  readonly args: Readonly<Record<string, string>>;
  readonly noCache: boolean | readonly string[];
  readonly network: string;
  /** What the user of the build lets its steps ask for. */
  readonly entitlements?: readonly string[] | undefined;
  readonly extraHosts: readonly string[];
  readonly limits: SandboxLimits;
  /** Contexts by name: "context" is the main one. */
  readonly contexts: Readonly<Record<string, Vertex | { readonly image: string }>>;
  readonly images: ImageResolver;
  /** Added to the target's. */
  readonly labels: Readonly<Record<string, string>>;
  /** Whether progress says which platform a step is for. */
  readonly namesPlatform?: boolean;
  /** Docker's classic builder makes some steps in another way. */
  readonly style: 'classic' | 'buildkit';
}

export interface ImageResolver {
  /** The image that a FROM or `--from` names, here or in its registry. */
  resolve(context: Context, reference: string, platform: Platform): Promise<BaseImage>;
}

export interface BaseImage {
  /** Normalised. */
  readonly reference: string;
  readonly id: Digest;
  readonly config: ImageConfig;
}

export interface Compiled {
  /** The target stage at its end. */
  readonly stage: StageState;
  /** All stages that the target needs, itself last. */
  readonly stages: readonly StageState[];
  readonly platform: Platform;
  /** All vertices that the target needs, in the order of the Dockerfile. */
  readonly vertices: readonly Vertex[];
}

/** Compiles what the target stage needs of a Dockerfile into a definition; other stages are not looked at. Fails with DockerfileError. */
export async function compile(
  context: Context,
  file: Dockerfile,
  options: CompileOptions,
): Promise<Compiled> {
  const target = targetOf(file, options.target);
  const compilation = new Compilation(context, file, options);
  const built = await compilation.stage(target);
  const stage = withLabels(built, options);
  const before = (await compilation.compiled()).filter((each) => each !== built);
  return { stage, stages: [...before, stage], platform: options.platform, vertices: verticesOf(stage.root) };
}

/** Stages by their number, each compiled once. */
export class Compilation {
  readonly context: Context;
  readonly file: Dockerfile;
  readonly options: CompileOptions;
  /** Visible to every FROM. */
  readonly globals: ReadonlyMap<string, string | undefined>;
  readonly #stages = new Map<number, Promise<StageState>>();

  constructor(context: Context, file: Dockerfile, options: CompileOptions) {
    this.context = context;
    this.file = file;
    this.options = options;
    this.globals = globalArgs(file, options);
  }

  stage(number: number): Promise<StageState> {
    const known = this.#stages.get(number);
    if (known !== undefined) return known;
    const compiling = compileStage(this, number);
    this.#stages.set(number, compiling);
    return compiling;
  }

  /** The stages that were asked for, in the order of the file. */
  compiled(): Promise<StageState[]> {
    const numbers = [...this.#stages.keys()].sort((left, right) => left - right);
    return Promise.all(numbers.map((number) => this.stage(number)));
  }
}

/** A vertex and all that it needs, inputs first. */
function verticesOf(root: Vertex): Vertex[] {
  const found = new Map<Digest, Vertex>();
  const visit = (vertex: Vertex): void => {
    if (found.has(vertex.digest)) return;
    for (const input of vertex.inputs) visit(input);
    found.set(vertex.digest, vertex);
  };
  visit(root);
  return [...found.values()];
}
