import { messageOf } from '../base/errors.ts';
import type { Schema } from '../wire/schema.ts';
import { CommandError } from './command-error.ts';
import { messageOfFailure } from './failure.ts';
import { parseExactJson } from './format/exact-json.ts';
import { compactJson, indentJson } from './format/json-text.ts';
import type { Session } from './session.ts';

/** An object as the daemon described it, and the shape that templates see it in. */
export interface Inspected {
  readonly text: string;
  readonly schema: Schema;
  /** Go's name of the type. */
  readonly typeName: string;
}

/**
 * Shows the objects of `names`: as a JSON list, or each through the template. What fails is told at the end, after what did not.
 */
export async function showInspected(
  session: Session,
  names: readonly string[],
  format: string,
  find: (name: string) => Promise<Inspected>,
): Promise<void> {
  const show = format === '' || format === 'json' ? undefined : await templateOf(format);
  const failures: string[] = [];
  const shown: string[] = [];
  for (const name of names) {
    try {
      const found = await find(name);
      shown.push(show === undefined ? found.text : `${show(found)}\n`);
    } catch (reason) {
      failures.push(messageOfFailure(reason, session.address.host));
    }
  }
  session.io.out(show === undefined ? listText(shown, format) : shown.join('') || '\n');
  if (failures.length > 0) throw new CommandError(failures.join('\n'));
}

function listText(objects: readonly string[], format: string): string {
  if (objects.length === 0) return '[]\n';
  const list = `[${objects.join(',')}]`;
  return `${format === 'json' ? compactJson(list) : indentJson(list)}\n`;
}

/**
 * Templates see Docker's types first; what these do not have is looked for in the JSON, where a missing key is an error.
 */
async function templateOf(format: string): Promise<(found: Inspected) => string> {
  const { Template } = await import('./template/template.ts');
  const { structOf } = await import('./template/typed.ts');
  try {
    const template = Template.parse(format);
    return ({ text, schema, typeName }) => {
      const value = parseExactJson(text);
      try {
        return template.execute(structOf(schema, value, typeName));
      } catch {
        return templateErrors(() => template.execute(value, { missingKeyIsError: true }));
      }
    };
  } catch (reason) {
    throw new CommandError(`template parsing error: ${messageOf(reason)}`, 64);
  }
}

function templateErrors<T>(action: () => T): T {
  try {
    return action();
  } catch (reason) {
    throw new CommandError(`template parsing error: ${messageOf(reason)}`);
  }
}
