import { type ExecuteOptions, type Execution, execute } from './evaluate.ts';
import { functions, headerFunctions } from './functions.ts';
import { parseTemplate, type Tree } from './parser.ts';

/** A parsed `--format` template, with Docker's functions. */
export class Template {
  readonly #tree: Tree;

  private constructor(tree: Tree) {
    this.#tree = tree;
  }

  /** Throws TemplateSyntaxError. `name` appears in error messages; Docker mostly leaves it empty. */
  static parse(source: string, name = ''): Template {
    return new Template(parseTemplate(name, source, (word) => Object.hasOwn(functions, word)));
  }

  /** Throws TemplateExecutionError. */
  execute(data: unknown, options?: ExecuteOptions): string {
    const { output, error } = execute(this.#tree, functions, data, options);
    if (error !== undefined) throw error;
    return output;
  }

  /** Like execute, but keeps what was printed before an error. */
  attempt(data: unknown): Execution {
    return execute(this.#tree, functions, data);
  }

  /** The heading of a table: its functions leave column names alone, and an error ends it silently, as Docker's does. */
  executeHeader(headers: unknown): Execution {
    return execute(this.#tree, headerFunctions, headers);
  }
}
