import type { HealthConfig } from '../oci/image.ts';
import type { Lines } from './errors.ts';
import type { Heredoc } from './heredoc.ts';

/**
 * The instructions of a Dockerfile, read but not yet expanded: words have their variables and quotes still, except where the language
 * knows neither (commands in exec form, health checks).
 */
export type Instruction =
  | FromInstruction
  | ArgInstruction
  | PairsInstruction
  | RunInstruction
  | CommandInstruction
  | CopyInstruction
  | WordInstruction
  | WordsInstruction
  | HealthcheckInstruction
  | ShellInstruction
  | OnbuildInstruction;

interface Written {
  readonly lines: Lines;
  /** The instruction as one line, with its keyword in capitals. */
  readonly text: string;
}

export interface FromInstruction extends Written {
  readonly kind: 'from';
  readonly image: string;
  /** In lower case; empty where there is none. */
  readonly name: string;
  readonly platform: string;
  readonly keyword: string;
  /** As written: "as" or "AS", for the linter; empty where there is none. */
  readonly asKeyword: string;
}

export interface ArgInstruction extends Written {
  readonly kind: 'arg';
  readonly pairs: readonly { readonly name: string; readonly value: string | undefined }[];
}

export interface PairsInstruction extends Written {
  readonly kind: 'env' | 'label';
  readonly pairs: readonly { readonly name: string; readonly value: string }[];
  /** The old form, `ENV name rest of the line`. */
  readonly isLegacy: boolean;
}

/** A command: words in exec form, or one text for the shell. */
export interface Command {
  readonly isShell: boolean;
  readonly words: readonly string[];
}

export interface RunInstruction extends Written {
  readonly kind: 'run';
  readonly command: Command;
  readonly heredocs: readonly Heredoc[];
  /** Values of `--mount`, not yet expanded. */
  readonly mounts: readonly string[];
  readonly network: string;
  readonly security: string;
}

export interface CommandInstruction extends Written {
  readonly kind: 'cmd' | 'entrypoint';
  readonly command: Command;
}

export interface CopyInstruction extends Written {
  readonly kind: 'copy' | 'add';
  readonly sources: readonly string[];
  readonly destination: string;
  readonly heredocs: readonly Heredoc[];
  readonly from: string;
  readonly chown: string;
  readonly chmod: string;
  readonly checksum: string;
  readonly excludes: readonly string[];
  readonly link: boolean;
  readonly parents: boolean;
  readonly keepGitDir: boolean;
  /** Undefined: local archives are unpacked, remote ones are not. */
  readonly unpack: boolean | undefined;
}

export interface WordInstruction extends Written {
  readonly kind: 'workdir' | 'user' | 'stopsignal' | 'maintainer';
  readonly word: string;
}

export interface WordsInstruction extends Written {
  readonly kind: 'volume' | 'expose';
  readonly words: readonly string[];
}

export interface HealthcheckInstruction extends Written {
  readonly kind: 'healthcheck';
  readonly health: HealthConfig;
}

export interface ShellInstruction extends Written {
  readonly kind: 'shell';
  readonly words: readonly string[];
}

export interface OnbuildInstruction extends Written {
  readonly kind: 'onbuild';
  /** The instruction for later, as text. */
  readonly trigger: string;
}
