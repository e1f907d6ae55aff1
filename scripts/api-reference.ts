/** Writes docs/api.md from the route table: `bun scripts/api-reference.ts`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Parameter } from '../src/wire/query.ts';
import type { Route, StreamKind } from '../src/wire/route.ts';
import { routeAreas, swarmAreas } from '../src/wire/routes.ts';
import type { Field, Schema } from '../src/wire/schema.ts';
import { currentVersion, minimumVersion, versionDifferences } from '../src/wire/versions.ts';

export const referencePath = join(import.meta.dir, '..', 'docs', 'api.md');

const streams: Record<StreamKind, string | undefined> = {
  none: undefined,
  json: 'JSON values one after the other, as they come',
  bytes: "bytes: a terminal's as they are, others in frames (stream, 0, 0, 0, length in four bytes, bytes)",
  hijack: 'the connection becomes a stream in both directions: 101 when an upgrade was asked for, else 200',
  websocket: 'a websocket',
  delayed: 'the head at once, the answer when it is there',
};

/** The page's text. */
export function apiReference(): string {
  const types = new Map<string, Schema>();
  const areas = Object.entries(routeAreas).map(([title, area]) =>
    areaText(title, Object.values(area), types),
  );
  const parts = [introduction(), ...areas, typesText(types), versionsText()];
  return `${parts.join('\n\n')}\n`;
}

function introduction(): string {
  return [
    '# API reference',
    'Made from the route table in `src/wire/routes/` by `bun scripts/api-reference.ts`.',
    `The daemon speaks Docker's Engine API, versions ${minimumVersion} to ${currentVersion}. A path may begin with a version (\`/v1.44\`); without one it means ${currentVersion}.`,
    'Bodies are JSON unless said otherwise, and read as Go does: keys match whatever their case, unknown ones are ignored, absent ones are zero. A failure is a status from 400 on with `{"message":"…"}`.',
    "A path's `{digest}` stands for a whole one (`sha256:` and 64 digits), any other parameter for a name, which may have slashes in it.",
    'A flag is true for everything but the empty text, `0`, `no`, `false` and `none`. Filters are JSON: `{"label":["a=b"]}` or `{"label":{"a=b":true}}`.',
    `Paths under ${code(swarmAreas)} answer 503, as outside a swarm.`,
  ].join('\n\n');
}

function code(words: Iterable<string>): string {
  return [...words].map((word) => `\`/${word}\``).join(', ');
}

function areaText(title: string, routes: readonly Route[], types: Map<string, Schema>): string {
  return [`## ${title}`, ...routes.map((route) => routeText(route, types))].join('\n\n');
}

function routeText(route: Route, types: Map<string, Schema>): string {
  const parameters = Object.entries(route.query).map(([name, parameter]) => parameterText(name, parameter));
  const stream = streams[route.stream];
  const facts = [
    route.body === undefined
      ? []
      : [`Body: ${typeText(route.body, types)}${route.bodyRequired ? ', required' : ''}`],
    route.upload ? ['Body: bytes'] : [],
    [
      `Success: ${route.statuses.join(' or ')}${route.response === undefined ? '' : `, ${typeText(route.response, types)}`}`,
    ],
    stream === undefined ? [] : [`Answer: ${stream}`],
    route.own === true ? ["Sampan's own"] : [],
    route.since === '1.0' || route.own === true ? [] : [`Since ${route.since}`],
  ].flat();
  return [
    `### ${route.method} ${route.path}`,
    route.summary,
    [...parameters, ...facts].map((line) => `- ${line}`).join('\n'),
  ].join('\n\n');
}

const parameterKinds: Record<Parameter['kind'], string> = {
  flag: 'flag',
  integer: 'integer',
  unsigned: 'integer from 0',
  text: 'text',
  texts: 'text, repeatable',
  filters: 'filters',
};

function parameterText(name: string, parameter: Parameter): string {
  const names = 'names' in parameter ? (parameter.names as readonly string[]) : [];
  const filters = names.map((filter) => `\`${filter}\``).join(', ');
  return `\`${name}\`: ${parameterKinds[parameter.kind]} ${filters}`.trimEnd() + absentText(parameter.absent);
}

function absentText(absent: unknown): string {
  if (absent === true) return ', 1 when absent';
  return typeof absent === 'string' && absent !== '' ? `, \`${absent}\` when absent` : '';
}

/** The type's name; structs are noted for the list of types. */
function typeText(schema: Schema, types: Map<string, Schema>): string {
  switch (schema.kind) {
    case 'list':
      return `list of ${itemText(schema, types)}`;
    case 'map':
      return `map of ${itemText(schema, types)}`;
    case 'nullable':
      return `${itemText(schema, types)} or null`;
    case 'any':
      return 'anything';
    case 'struct':
      return structText(schema, types);
    default:
      return schema.typeName;
  }
}

function itemText({ item }: Schema, types: Map<string, Schema>): string {
  return item === undefined ? 'anything' : typeText(item, types);
}

function structText(schema: Schema, types: Map<string, Schema>): string {
  if (Object.keys(schema.fields ?? {}).length === 0) return 'empty object';
  const known = [...types].find(([, other]) => other === schema)?.[0];
  if (known !== undefined) return link(known);
  // Go's names are unique only within a package.
  let name = schema.typeName;
  for (let number = 2; types.has(name); number++) name = `${schema.typeName}${number}`;
  types.set(name, schema);
  return link(name);
}

function link(name: string): string {
  return `[${name}](#${name.toLowerCase()})`;
}

/** Describing a type can add further ones to the list. */
function typesText(types: Map<string, Schema>): string {
  const texts = [
    '## Types',
    'A key with a question mark is left out when it says nothing. Lists and maps can be null.',
  ];
  for (const [name, schema] of types) {
    const lines = Object.entries(schema.fields ?? {}).map(([key, value]) => {
      const field: Field = 'optional' in value ? value : { schema: value, optional: false };
      return `- \`${key}\`${field.optional ? '?' : ''}: ${typeText(field.schema, types)}`;
    });
    texts.push(`### ${name}`, lines.join('\n'));
  }
  return texts.join('\n\n');
}

function versionsText(): string {
  const rows = Object.entries(versionDifferences).map(([name, range]) => {
    const { since = '', until = '' }: { since?: string; until?: string } = range;
    return `| ${name} | ${since} | ${until} |`;
  });
  return [
    '## What differs between versions',
    ['| what | since | until |', '| --- | --- | --- |', ...rows].join('\n'),
  ].join('\n\n');
}

if (import.meta.main) writeFileSync(referencePath, apiReference());
