import { type Directives, readDirectives } from './directives.ts';
import { DockerfileError, type Lines } from './errors.ts';
import { type Heredoc, heredocsOf } from './heredoc.ts';

/** One instruction as it is written: its physical lines joined. */
export interface Statement {
  /** As written. */
  readonly keyword: string;
  /** All of it, as written. */
  readonly original: string;
  /** What follows the keyword. */
  readonly rest: string;
  readonly lines: Lines;
  readonly heredocs: readonly Heredoc[];
  /** Of the comment lines right above, without "#". */
  readonly comments: readonly string[];
}

export interface Statements {
  readonly directives: Directives;
  readonly statements: readonly Statement[];
  /** Lines with an instruction that goes on after an empty line. */
  readonly emptyContinuations: readonly Lines[];
}

const MAX_LINE = 65_535;
const MAX_FILE = 4 << 20;

/** Cuts a Dockerfile into its instructions. Fails with DockerfileError. */
export function readStatements(text: string): Statements {
  if (text.length > MAX_FILE)
    throw new DockerfileError(`the Dockerfile has more than ${MAX_FILE} characters`, undefined, 'syntax');
  const lines = text
    .replace(/^\ufeff/, '')
    .split('\n')
    .map((line) => line.replace(/\r+$/, ''));
  return new StatementReader(lines).read();
}

class StatementReader {
  readonly #lines: readonly string[];
  readonly #directives: Directives;
  readonly #continuation: RegExp;
  readonly #emptyContinuations: Lines[] = [];
  #position = 0;
  #comments: string[] = [];

  constructor(lines: readonly string[]) {
    this.#lines = lines;
    this.#directives = readDirectives(lines);
    const token = this.#directives.escape === '`' ? '`' : '\\\\';
    this.#continuation = new RegExp(`(^|[^${token}])${token}[ \\t]*$`);
  }

  read(): Statements {
    const statements: Statement[] = [];
    for (let line = this.#next(); line !== undefined; line = this.#next()) {
      const comment = commentOf(line);
      if (comment !== undefined) this.#comments.push(comment);
      else if (line.trim() === '') this.#comments = [];
      else statements.push(this.#statement(line));
    }
    if (statements.length === 0)
      throw new DockerfileError('file with no instructions', this.#end(), 'syntax');
    return {
      directives: this.#directives,
      statements,
      emptyContinuations: this.#emptyContinuations,
    };
  }

  /** The last line that is not blank. */
  #end(): Lines {
    const last = this.#lines.findLastIndex((line) => line.trim() !== '') + 1;
    return { first: Math.max(last, 1), last: Math.max(last, 1) };
  }

  #next(): string | undefined {
    const line = this.#lines[this.#position++];
    if (line !== undefined && line.length > MAX_LINE) {
      const where = { first: this.#position, last: this.#position };
      const message = `dockerfile line greater than max allowed size of ${MAX_LINE}`;
      throw new DockerfileError(message, where, 'syntax');
    }
    return line;
  }

  #statement(start: string): Statement {
    const first = this.#position;
    const comments = this.#comments;
    this.#comments = [];
    const text = this.#joined(start.trimStart());
    const [, keyword = '', rest = ''] = /^(\S+)\s*([\s\S]*)$/.exec(text) ?? [];
    const heredocs = this.#heredocs(keyword, rest, first);
    return {
      keyword,
      original: text.trim(),
      rest: rest.trim(),
      lines: { first, last: this.#position },
      heredocs,
      comments,
    };
  }

  /** Joins a line with those that continue it: comments among them go, and so do empty lines. */
  #joined(start: string): string {
    const first = this.#position;
    let text = '';
    let hadEmpty = false;
    let isEmptyBefore = false;
    let last = this.#position;
    for (let line: string | undefined = start; line !== undefined; line = this.#next()) {
      if (text !== '' || line !== start) {
        if (commentOf(line) !== undefined) continue;
        if (line.trim() === '') {
          isEmptyBefore = true;
          continue;
        }
      }
      hadEmpty ||= isEmptyBefore;
      last = this.#position;
      const isContinued = this.#continuation.test(line);
      text += isContinued ? line.replace(this.#continuation, '$1') : line;
      if (!isContinued) break;
    }
    // What stands behind the last line of an instruction that never ends is not its own.
    this.#position = last;
    if (hadEmpty) this.#emptyContinuations.push({ first, last });
    return text;
  }

  #heredocs(keyword: string, rest: string, first: number): Heredoc[] {
    if (!takesHeredocs(keyword, rest)) return [];
    return heredocsOf(rest, this.#directives.escape).map((head) => {
      const content: string[] = [];
      for (;;) {
        const line = this.#next();
        if (line === undefined)
          throw new DockerfileError('unterminated heredoc', { first, last: this.#lines.length }, 'syntax');
        const own = head.chomps ? line.replace(/^\t+/, '') : line;
        if (own === head.name) return { ...head, content: content.join('') };
        content.push(`${own}\n`);
      }
    });
  }
}

function takesHeredocs(keyword: string, rest: string): boolean {
  const name = keyword.toUpperCase();
  if (name === 'ONBUILD') {
    const [, inner = '', innerRest = ''] = /^(\S+)\s*([\s\S]*)$/.exec(rest) ?? [];
    return inner.toUpperCase() !== 'ONBUILD' && takesHeredocs(inner, innerRest);
  }
  if (!['RUN', 'COPY', 'ADD'].includes(name)) return false;
  return !/^\s*\[/.test(rest.replace(/^(\s*--\S+)*\s*/, ''));
}

function commentOf(line: string): string | undefined {
  const match = /^\s*#(.*)$/.exec(line);
  return match === null ? undefined : (match[1] ?? '').trim();
}
