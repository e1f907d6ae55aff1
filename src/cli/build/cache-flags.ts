import { CommandError } from '../command-error.ts';
import { checkFields, fieldsOf } from './fields.ts';

/** The images that `--cache-from` names: `a,b`, or `type=registry,ref=a`. Throws CommandError. */
export function cacheImages(values: readonly string[]): string[] {
  return values.flatMap((value) => {
    if (value === '') return [];
    if (!value.includes('=')) return value.split(',');
    const fields = fieldsOf(value);
    const type = fields.get('type') ?? '';
    if (type !== 'registry') throw unsupported('import', type);
    checkFields(value, fields, ['type', 'ref']);
    const reference = fields.get('ref') ?? '';
    if (reference === '') throw new CommandError('registry cache importer requires ref');
    return [reference];
  });
}

/** Whether `--cache-to` asks for a cache in the image itself, the only kind that is made. Throws CommandError for others. */
export function wantsInlineCache(values: readonly string[]): boolean {
  for (const value of values) {
    const type = value.includes('=') ? fieldsOf(value).get('type') : value === 'inline' ? value : 'registry';
    if (type !== 'inline') throw unsupported('export', type ?? '');
  }
  return values.length > 0;
}

function unsupported(direction: string, type: string): CommandError {
  const other = direction === 'import' ? 'type=registry,ref=IMAGE' : 'type=inline';
  return new CommandError(
    `cache ${direction} of type ${JSON.stringify(type)} is not supported: use ${other}`,
  );
}
