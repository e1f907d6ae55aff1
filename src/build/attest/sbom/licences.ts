/** Licences by their SPDX identifiers, as far as packages commonly have them. */
const known = new Set(
  (
    '0BSD AFL-2.1 AGPL-3.0-only AGPL-3.0-or-later Apache-2.0 Artistic-1.0-Perl Artistic-2.0 BlueOak-1.0.0 BSD-1-Clause BSD-2-Clause ' +
    'BSD-3-Clause BSD-4-Clause BSL-1.0 CC-BY-3.0 CC-BY-4.0 CC-BY-SA-4.0 CC0-1.0 EPL-1.0 EPL-2.0 GPL-1.0-or-later GPL-2.0-only ' +
    'GPL-2.0-or-later GPL-3.0-only GPL-3.0-or-later ICU ISC LGPL-2.0-only LGPL-2.0-or-later LGPL-2.1-only LGPL-2.1-or-later ' +
    'LGPL-3.0-only LGPL-3.0-or-later MIT MIT-0 MPL-1.1 MPL-2.0 OFL-1.1 OpenSSL PostgreSQL PSF-2.0 Python-2.0 Unicode-DFS-2016 ' +
    'Unlicense Vim W3C WTFPL X11 Zlib ZPL-2.1 bzip2-1.0.6 curl'
  ).split(' '),
);

/** What a package says of its licence, if it is an SPDX expression of identifiers that are known here. */
export function licenceExpression(text: string): string | undefined {
  let depth = 0;
  let wantsLicence = true;
  for (const [token] of text.matchAll(/[()]|[^\s()]+/g)) {
    const isFitting = wantsLicence
      ? token === '(' || known.has(token)
      : token === 'AND' || token === 'OR' || (token === ')' && depth > 0);
    if (!isFitting) return undefined;
    if (token === '(') depth++;
    else if (token === ')') depth--;
    else wantsLicence = !wantsLicence;
  }
  return wantsLicence || depth > 0 ? undefined : text;
}
