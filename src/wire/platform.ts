import { DecodeError, list, optional, string, struct, type TypeOf } from './schema.ts';

/** OCI's platform, as query parameters carry it in JSON. */
export const Platform = struct('Platform', {
  architecture: string,
  os: string,
  'os.version': optional(string),
  'os.features': optional(list(string)),
  variant: optional(string),
});
export type Platform = TypeOf<typeof Platform>;

/** Throws DecodeError. */
export function decodePlatform(text: string): { architecture: string; os: string; variant?: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new DecodeError(`failed to parse platform: ${JSON.stringify(text.slice(0, 200))} is not JSON`);
  }
  const { os, architecture, variant } = Platform.decode(value, '');
  if (os === '' || architecture === '') {
    throw new DecodeError('failed to parse platform: both os and architecture must be set');
  }
  return { os, architecture, ...(variant === undefined || variant === '' ? {} : { variant }) };
}
