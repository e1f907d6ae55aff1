/** Changes the first component of members' names (byte strings): `from` `dir`, `.` or `/` to `to`. Other names stay. */
export function renamer(
  rename: { readonly from: string; readonly to: string } | undefined,
): (name: string) => string {
  if (rename === undefined || rename.from === rename.to) return (name) => name;
  const { from, to } = rename;
  // Members of the root's archive are `/`, `/etc/`; or, with another engine, `./`, `./etc/`.
  if (from === '/') return (name) => to + name.replace(/^\.?\/*/, '/').replace(/^\/$/, '/');
  return (name) => {
    if (name === from) return to;
    return name.startsWith(`${from}/`) ? to + name.slice(from.length) : name;
  };
}
