import type { BuildCase, BuildCases } from '../case.ts';

const files = {
  a: '1',
  'b.md': '2',
  'README.md': '3',
  'd/a': '4',
  'd/b.md': '5',
  'd/deep/c.md': '6',
  'd/deep/keep': '7',
  '.hidden': '8',
};

function ignoring(text: string): BuildCase {
  return { dockerfile: 'FROM busybox\nCOPY . /x/\n', files: { ...files, '.dockerignore': text } };
}

export const ignoreCases: BuildCases = {
  'a name is that at the root': ignoring('a\n'),
  'a name with a slash first is the same': ignoring('/a\n/d/b.md\n'),
  'a star is of one level': ignoring('*.md\n*/*.md\n'),
  'two stars are of any level': ignoring('**/*.md\n'),
  'two stars at the end': ignoring('d/**\n'),
  'two stars in the middle': ignoring('d/**/keep\n'),
  'a directory goes with what is in it': ignoring('d\n'),
  'a directory may end with a slash': ignoring('d/\n'),
  'an exception brings a file back': ignoring('*.md\n!README.md\n'),
  'an exception within a directory that is left out': ignoring('d\n!d/deep/keep\n'),
  'the last pattern counts': ignoring('!README.md\n*.md\n'),
  'everything but one file': ignoring('*\n!d/a\n'),
  'comments, blanks and empty lines': ignoring('# a\n\n   a   \n #b.md\n!  \n'.replace('!  \n', '')),
  'an exception of nothing is refused': ignoring('!\n'),
  'question marks, sets and escapes': ignoring('?.md\n[a]\n\\.hidden\n'),
  'paths are cleaned': ignoring('./a\nd/../b.md\nd//deep/./c.md\n'),
  'a byte order mark is dropped': ignoring('\ufeffa\n'),
  'lines end in CR LF': ignoring('a\r\nd\r\n'),
  'the Dockerfile can be left out': ignoring('Dockerfile\n.dockerignore\n'),
  'a file that is left out cannot be copied': {
    dockerfile: 'FROM busybox\nCOPY a /x\n',
    files: { ...files, '.dockerignore': 'a\n' },
  },
  'a file beside the Dockerfile comes first with BuildKit': {
    dockerfile: 'FROM busybox\nCOPY . /x/\n',
    files: {
      ...files,
      '.dockerignore': 'a\n',
      Other: 'FROM busybox\nCOPY . /x/\n',
      'Other.dockerignore': 'd\n',
    },
    options: ['-f', '<context>/Other'],
  },
  'a pattern that is none is refused': ignoring('a[\n'),
};
