import type { SandboxLimits } from '../../containers/sandbox/contract.ts';
import type { ExpansionOptions } from '../../dockerfile/expansion.ts';
import type { Platform } from '../../oci/image.ts';
import type { Vertex } from '../definition/vertex.ts';

/** What an instruction that makes a layer must know besides its stage. */
export interface StepOptions {
  readonly expansion: ExpansionOptions;
  /** The vertex of a stage, image or context by its name; "" for the main context. */
  readonly inputOf: (name: string) => Vertex;
  readonly note: (text: string) => Vertex['note'];
  readonly platform: Platform;
  readonly network: string;
  readonly mayUseHostNetwork: boolean;
  readonly hostname: string;
  readonly extraHosts: readonly string[];
  readonly limits: SandboxLimits;
  readonly style: 'classic' | 'buildkit';
  /** "NAME=value" of the arguments that every command sees. */
  readonly proxies: readonly string[];
}
