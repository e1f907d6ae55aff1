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
  const words = text.split(/[\s()]+/).filter((word) => word !== '');
  const isExpression =
    words.length % 2 === 1 &&
    words.every((word, index) => (index % 2 === 0 ? known.has(word) : word === 'AND' || word === 'OR')) &&
    isBalanced(text);
  return isExpression ? text : undefined;
}

function isBalanced(text: string): boolean {
  let depth = 0;
  for (const character of text) {
    if (character === '(') depth++;
    if (character === ')' && --depth < 0) return false;
  }
  return depth === 0;
}
