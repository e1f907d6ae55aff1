/** One side of a copy: a path here, or in a container. */
export interface CopySide {
  /** Empty for a path on this machine. */
  readonly container: string;
  readonly path: string;
}

/**
 * Reads `CONTAINER:PATH`. What begins with `/` or `.` is a path on this machine, so that a file whose name has a colon can be named
 * (`./a:b`).
 */
export function parseCopySide(text: string): CopySide {
  const colon = text.indexOf(':');
  if (colon < 0 || text.startsWith('/') || text.startsWith('.')) return { container: '', path: text };
  return { container: text.slice(0, colon), path: text.slice(colon + 1) };
}
