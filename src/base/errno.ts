/** The name of the system error that a failed call carries ("ENOENT"), as node's file system and sockets have it in `code`. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

export function isErrno(error: unknown, ...names: readonly string[]): boolean {
  const name = errnoOf(error);
  return name !== undefined && names.includes(name);
}
