import { messageOf } from '../../base/errors.ts';
import { CommandError } from '../command-error.ts';
import { alignTabs, tableTabs } from './tabwriter.ts';

/** How a kind of object is listed: Docker's column names, headings and values. */
export interface Listing<Row> {
  /** Go's type, for error messages. */
  readonly typeName: string;
  readonly headings: Readonly<Record<string, string>>;
  /** A value of the row by column name; zero-parameter ones are its JSON too. */
  readonly columns: Readonly<Record<string, (row: Row) => unknown>>;
  /** Columns that are another value in a row's JSON. */
  readonly inJson?: Readonly<Record<string, (row: Row) => unknown>>;
  /** `{{.Label "name"}}` where the object has labels. */
  readonly labels?: ((row: Row) => Readonly<Record<string, string>> | null | undefined) | undefined;
}

/** Either columns under headings, or a `--format` text. */
export type ListFormat = { readonly table: readonly string[] } | { readonly template: string };

/** The lines to print, with a newline after the last. Throws CommandError for a template that cannot be parsed or evaluated. */
export async function renderListing<Row>(
  listing: Listing<Row>,
  rows: readonly Row[],
  format: ListFormat,
): Promise<string> {
  if ('template' in format) return renderTemplate(listing, rows, format.template);
  const heading = format.table.map((column) => listing.headings[column] ?? column);
  const lines = rows.map((row) => format.table.map((column) => listing.columns[column]?.(row) ?? ''));
  return alignTabs([heading, ...lines].map((cells) => `${cells.join('\t')}\n`).join(''), tableTabs);
}

async function renderTemplate<Row>(
  listing: Listing<Row>,
  rows: readonly Row[],
  source: string,
): Promise<string> {
  const { Template } = await import('../template/template.ts');
  const isTable = source.startsWith('table');
  const body = isTable ? source.slice('table'.length) : source === 'json' ? '{{json .}}' : source;
  const text = body
    .replace(/^ +| +$/g, '')
    .replaceAll('\\t', '\t')
    .replaceAll('\\n', '\n');
  try {
    const template = Template.parse(text);
    const structOf = await rowStructs(listing);
    const lines = rows.map((row) => `${template.execute(structOf(row))}\n`).join('');
    if (!isTable) return lines;
    const headings = { ...listing.headings, Label: (name: string) => labelHeading(name) };
    return alignTabs(`${template.executeHeader(headings).output}\n${lines}`, tableTabs);
  } catch (reason) {
    throw new CommandError(`template parsing error: ${messageOf(reason)}`);
  }
}

/** Makes the value that a template sees for a row: methods that are called when the template names them. */
export async function rowStructs<Row>(listing: Listing<Row>): Promise<(row: Row) => unknown> {
  const { RawJson, Struct } = await import('../template/values.ts');
  const { escapeForHtml, goJson } = await import('../template/json.ts');
  const names = Object.keys(listing.columns).sort();
  return (row) => {
    const members = names.map((name) => [name, () => listing.columns[name]?.(row)] as const);
    const label = (key: string): unknown => listing.labels?.(row)?.[key] ?? '';
    const withLabel = listing.labels === undefined ? members : [...members, ['Label', label] as const];
    const json = (): unknown => {
      const columns = { ...listing.columns, ...listing.inJson };
      const values = names.map((name) => [name, columns[name]?.(row)] as const);
      return new RawJson(escapeForHtml(goJson(Object.fromEntries(values))));
    };
    return new Struct(listing.typeName, withLabel, json);
  };
}

function labelHeading(name: string): string {
  return (name.split('.').at(-1) ?? '').replace(/[-_]/g, ' ');
}
