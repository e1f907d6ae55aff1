import { isCode, messageOf } from '../../base/errors.ts';
import { ownValue } from '../../base/own-value.ts';
import type { Stage } from '../../dockerfile/dockerfile.ts';
import { at, DockerfileError } from '../../dockerfile/errors.ts';
import { type ExpansionOptions, expand, type Lookup } from '../../dockerfile/expansion.ts';
import type { FromInstruction, Instruction } from '../../dockerfile/instructions.ts';
import { readInstruction } from '../../dockerfile/read-instruction.ts';
import { readStatements } from '../../dockerfile/statements.ts';
import type { ImageConfig, ImageProcess, Platform } from '../../oci/image.ts';
import { formatPlatform, parsePlatform } from '../../oci/platform.ts';
import { makeVertex, type Vertex } from '../definition/vertex.ts';
import type { Compilation } from './compile.ts';
import {
  applyCommand,
  applyEnv,
  applyExpose,
  applyHealthcheck,
  applyLabel,
  applyMaintainer,
  applyOnbuild,
  applyShell,
  applyStopSignal,
  applyUser,
  applyVolume,
} from './config-steps.ts';
import { applyCopy, applyWorkdir } from './file-steps.ts';
import { inputNames } from './input-names.ts';
import { applyRun, shellIn } from './run-instruction.ts';
import { entriesOf, envOf, lookupIn, proxyEntries, proxyNames, withArg } from './scope.ts';
import { after, type StageState } from './stage-state.ts';
import type { StepOptions } from './step-options.ts';
import { stageBefore } from './targets.ts';

type StageInstruction = Stage['instructions'][number];

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const DEFAULT_HOSTNAME = 'buildkitsandbox';

/** Compiles one stage, and those that it needs. */
export async function compileStage(compilation: Compilation, number: number): Promise<StageState> {
  const stage = compilation.file.stages[number];
  if (stage === undefined) throw new DockerfileError(`stage ${number} could not be found`);
  return new StageCompiler(compilation, stage, number).compile();
}

class StageCompiler {
  readonly #compilation: Compilation;
  readonly #stage: Stage;
  readonly #number: number;
  #platform: Platform;
  /** Of the steps that make something, FROM among them: how many there are, and which it is about. */
  #total = 0;
  #step = 0;

  constructor(compilation: Compilation, stage: Stage, number: number) {
    this.#compilation = compilation;
    this.#stage = stage;
    this.#number = number;
    this.#platform = compilation.options.platform;
  }

  async compile(): Promise<StageState> {
    const { from, instructions } = this.#stage;
    this.#total = countOf(instructions);
    let state = await this.#base(from);
    const triggers = this.#triggers(state.process.OnBuild ?? [], from);
    this.#total += countOf(triggers);
    state = { ...state, process: withoutTriggers(state.process) };
    const all = [...triggers, ...instructions];
    const inputs = await this.#inputs(all);
    const notes: string[] = [];
    for (const instruction of all) {
      notes.push(noteOn(instruction, state));
      state = at(instruction.lines, () => this.#apply(state, instruction, inputs));
    }
    const steps = all.map(({ text, lines }, index) => {
      return { text, lines, isTrigger: index < triggers.length, note: notes[index] ?? '' };
    });
    return { ...state, steps };
  }

  get #isClassic(): boolean {
    return this.#compilation.options.style === 'classic';
  }

  get #token(): string {
    return this.#compilation.file.directives.escape;
  }

  /** What FROM names: an earlier stage, nothing at all, a context, or an image. */
  async #base(from: FromInstruction): Promise<StageState> {
    const { globals, options, file } = this.#compilation;
    const expansion = { escape: this.#token, lookup: (name: string) => globals.get(name) };
    const image = at(from.lines, () => expand(from.image, expansion));
    if (image === '') throw new DockerfileError(`base name (${from.image}) should not be blank`, from.lines);
    if (from.platform !== '') {
      this.#platform = at(from.lines, () => platformOf(expand(from.platform, expansion)));
    }
    const context = ownValue(options.contexts, image);
    // A context takes the place of the stage of its name; the main one has none.
    const earlier = context === undefined ? stageBefore(this.#number, image, file.stages) : undefined;
    if (earlier !== undefined) return this.#inherited(await this.#compilation.stage(earlier));
    if (context === undefined && image === 'scratch')
      return this.#fresh(scratch, this.#isClassic ? {} : emptyProcess, undefined);
    this.#total++;
    this.#step++;
    if (context !== undefined && !('image' in context)) return this.#fresh(context, emptyProcess, undefined);
    const name = (reference: string): string => this.#title(`FROM ${reference}`);
    const { vertex, config } = await this.#image(context?.image ?? image, from, name);
    return this.#fresh(vertex, config.config ?? {}, config);
  }

  /** `nameOf`: for progress, by the normalised name. */
  async #image(
    image: string,
    { lines }: Pick<StageInstruction, 'lines'>,
    nameOf: (reference: string) => string,
  ): Promise<ImageVertex> {
    const { options, context } = this.#compilation;
    const { reference, id, config } = await options.images
      .resolve(context, image, this.#platform)
      .catch((error: unknown) => {
        if (this.#isClassic || !isCode(error, 'invalid-argument')) throw error;
        const name = JSON.stringify(image);
        throw new DockerfileError(`failed to parse stage name ${name}: ${messageOf(error)}`, lines);
      });
    const operation = { kind: 'image', reference, image: id, platform: this.#platform } as const;
    const note = { name: nameOf(reference), lines, ignoresCache: false };
    return { vertex: makeVertex(operation, [], note), config };
  }

  #fresh(root: Vertex, process: ImageProcess, base: ImageConfig | undefined): StageState {
    const env = envOf(process.Env ?? []);
    if (!env.has('PATH')) env.set('PATH', DEFAULT_PATH);
    return {
      ...{ name: this.#stage.from.name, origin: root, start: root, root, base, author: base?.author ?? '' },
      process: { ...process, Env: entriesOf(env) },
      scope: { env, args: new Map(), shadows: new Map() },
      ...{ history: [], steps: [], hasOwnCommand: false },
    };
  }

  #inherited(state: StageState): StageState {
    const { env, args, shadows } = state.scope;
    // The classic builder's stages inherit no arguments.
    const scope = this.#isClassic ? { env, args: new Map(), shadows } : { env, args, shadows };
    return { ...state, name: this.#stage.from.name, start: state.root, scope, hasOwnCommand: false };
  }

  #triggers(texts: readonly string[], from: FromInstruction): StageInstruction[] {
    return texts.flatMap((text) => {
      const { statements } = readStatements(text);
      return statements.map((statement) => {
        const instruction = readInstruction({ ...statement, lines: from.lines }, this.#token);
        if (instruction.kind === 'from')
          throw new DockerfileError("FROM isn't allowed as an ONBUILD trigger");
        return instruction;
      });
    });
  }

  /** All that COPY and RUN take from elsewhere, found before the first of them is read. */
  async #inputs(instructions: readonly StageInstruction[]): Promise<ReadonlyMap<string, Vertex>> {
    const names = new Map<string, StageInstruction>();
    for (const instruction of instructions) {
      for (const name of inputNames(instruction)) names.set(name, instruction);
    }
    const found = await Promise.all(
      [...names].map(
        async ([name, instruction]): Promise<[string, Vertex]> => [
          name,
          await this.#input(name, instruction),
        ],
      ),
    );
    return new Map(found);
  }

  async #input(name: string, { lines }: StageInstruction): Promise<Vertex> {
    const { options, file } = this.#compilation;
    const context = ownValue(options.contexts, name);
    const stage = context === undefined ? stageBefore(this.#number, name, file.stages) : undefined;
    if (stage !== undefined) return (await this.#compilation.stage(stage)).root;
    if (context === undefined) this.#refuseLater(name, lines);
    if (context !== undefined && !('image' in context)) return context;
    if (context === undefined && name === 'scratch') return scratch;
    const nameOf = (reference: string): string => `FROM ${reference}`;
    return (await this.#image(context?.image ?? name, { lines }, nameOf)).vertex;
  }

  /** What follows, or the stage itself, cannot be copied from. */
  #refuseLater(name: string, lines: StageInstruction['lines']): void {
    const { stages } = this.#compilation.file;
    const later = stageBefore(stages.length, name, stages);
    const own = this.#stage.from.name || String(this.#number);
    if (later === this.#number) {
      throw new DockerfileError(`circular dependency detected on stage: ${own}`, lines);
    }
    if (later !== undefined) {
      const [from, before] = [name, own].map((each) => JSON.stringify(each));
      throw new DockerfileError(
        `cannot copy from stage ${from}, it needs to be defined before current stage ${before}`,
        lines,
      );
    }
    if (/^\d+$/.test(name)) throw new DockerfileError(`invalid stage index ${name}`);
  }

  #apply(state: StageState, instruction: StageInstruction, inputs: ReadonlyMap<string, Vertex>): StageState {
    const expansion = { escape: this.#token, lookup: this.#lookup(state) };
    this.#step += countOf([instruction]);
    const options = this.#stepOptions(state, inputs, instruction, expansion);
    switch (instruction.kind) {
      case 'arg':
        return this.#applyArg(state, instruction);
      case 'env':
        return applyEnv(state, instruction, expansion);
      case 'label':
        return applyLabel(state, instruction, expansion);
      case 'run':
        return applyRun(state, instruction, options);
      case 'cmd':
      case 'entrypoint':
        return applyCommand(state, instruction);
      case 'copy':
      case 'add':
        return applyCopy(state, instruction, options);
      case 'workdir':
        return applyWorkdir(state, instruction, options);
      case 'user':
        return applyUser(state, instruction, expansion);
      case 'stopsignal':
        return applyStopSignal(state, instruction, expansion);
      case 'maintainer':
        return applyMaintainer(state, instruction);
      case 'volume':
        return applyVolume(state, instruction, expansion);
      case 'expose':
        return applyExpose(state, instruction, expansion);
      case 'healthcheck':
        return applyHealthcheck(state, instruction, options.style);
      case 'shell':
        return applyShell(state, instruction);
      case 'onbuild':
        return applyOnbuild(state, instruction, this.#compilation.options.style);
    }
  }

  /** The build's own value wins over the default, the default over the global argument of that name. */
  #applyArg(state: StageState, { pairs }: Extract<Instruction, { kind: 'arg' }>): StageState {
    const { options, globals } = this.#compilation;
    let { scope } = state;
    const words: string[] = [];
    for (const { name, value } of pairs) {
      const expansion = { escape: this.#token, lookup: lookupIn(scope) };
      const own = value === undefined ? undefined : expand(value, expansion);
      const set = ownValue(options.args, name) ?? own ?? globals.get(name);
      words.push(wordOf(name, this.#isClassic ? own : set));
      scope = withArg(scope, name, set, options.style);
    }
    return after(state, `ARG ${words.join(' ')}`, { scope });
  }

  /** The classic builder knows proxies without their being declared. */
  #lookup({ scope }: StageState): Lookup {
    const { args } = this.#compilation.options;
    const lookup = lookupIn(scope);
    if (!this.#isClassic) return lookup;
    return (name) => lookup(name) ?? (proxyNames.includes(name) ? args[name] : undefined);
  }

  #stepOptions(
    state: StageState,
    inputs: ReadonlyMap<string, Vertex>,
    { lines }: StageInstruction,
    expansion: ExpansionOptions,
  ): StepOptions {
    const { options } = this.#compilation;
    const { network, extraHosts, limits, contexts, style, entitlements = [] } = options;
    const common = {
      mayUseHostNetwork: network === 'host' || entitlements.includes('network.host'),
      ...{ expansion, network, extraHosts, limits, style, platform: this.#platform },
      proxies: proxyEntries(options.args, style),
      hostname: options.args['BUILDKIT_SANDBOX_HOSTNAME'] ?? DEFAULT_HOSTNAME,
      inputOf(name: string) {
        const input = name === '' ? contexts['context'] : inputs.get(name);
        if (input === undefined || 'image' in input)
          throw new DockerfileError(`there is no build context ${JSON.stringify(name)}`);
        return input;
      },
    };
    const shell = { root: state.root, operation: shellIn(state, common) };
    const ignoresCache = this.#ignoresCache();
    return {
      ...common,
      note: (text) => ({ name: this.#title(text), lines, ignoresCache, shell }),
    };
  }

  #ignoresCache(): boolean {
    const { noCache } = this.#compilation.options;
    if (typeof noCache === 'boolean') return noCache;
    return noCache.some((each) => each.toLowerCase() === this.#stage.from.name);
  }

  /** "[build 2/5] RUN make", "[linux/arm64 build 2/5] RUN make"; a lone stage without a name is not named. */
  #title(text: string): string {
    const { name } = this.#stage.from;
    const count = `${this.#step}/${this.#total}`;
    const stage = name || (this.#compilation.file.stages.length > 1 ? `stage-${this.#number}` : '');
    const platform = this.#compilation.options.namesPlatform ? formatPlatform(this.#platform) : '';
    return `[${[platform, stage, count].filter((part) => part !== '').join(' ')}] ${text}`;
  }
}

function noteOn({ kind }: StageInstruction, { process }: StageState): string {
  const [first, ...rest] = process.Healthcheck?.Test ?? [];
  if (kind !== 'healthcheck' || first === undefined || first === 'NONE') return '';
  return `Note: overriding previous HEALTHCHECK: [${[first, ...rest].join(' ')}]`;
}

/** Those that progress counts. */
function countOf(instructions: readonly StageInstruction[]): number {
  return instructions.filter(({ kind }) => ['run', 'copy', 'add', 'workdir'].includes(kind)).length;
}

interface ImageVertex {
  readonly vertex: Vertex;
  readonly config: ImageConfig;
}

const emptyProcess: ImageProcess = { WorkingDir: '/' };
const scratch = makeVertex({ kind: 'scratch' }, [], { name: '[internal] scratch', ignoresCache: false });

function wordOf(name: string, value: string | undefined): string {
  return value === undefined ? name : `${name}=${value}`;
}

function withoutTriggers({ OnBuild: _, ...process }: ImageProcess): ImageProcess {
  return process;
}

function platformOf(text: string): Platform {
  try {
    return parsePlatform(text);
  } catch {
    throw new DockerfileError(
      `failed to parse platform ${text}: ${JSON.stringify(text)}: cannot parse platform specifier: invalid argument`,
    );
  }
}
