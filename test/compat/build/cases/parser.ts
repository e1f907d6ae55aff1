import type { BuildCases } from '../case.ts';

/** How a file falls into instructions. */
export const parserCases: BuildCases = {
  'comments and blank lines stand between instructions': {
    dockerfile: '\n# first\nFROM busybox\n\n   # indented\nENV a=1\n#last',
  },
  'a comment in a continuation vanishes': {
    dockerfile: 'FROM busybox\nRUN echo a \\\n# not b\n  # nor c\n  d >/out\n',
  },
  'number signs elsewhere are data': {
    dockerfile: 'FROM busybox\nENV a=#1 b="# 2"\nRUN echo x # y >/out\nLABEL c=d #e=f\n',
  },
  'blanks before an instruction go, those of a continuation stay': {
    dockerfile: 'FROM busybox\n   \tENV a=1\nLABEL b="1\\\n   2"\nRUN echo "x\\\n   y" >/out\n',
  },
  'blanks may follow the escape character at the end of a line': {
    dockerfile: 'FROM busybox\nRUN echo a \\  \t\n  b >/out\n',
  },
  'an empty line in a continuation is skipped': {
    dockerfile: 'FROM busybox\nRUN echo a \\\n\n  b >/out\n',
  },
  'an escaped escape character at the end of a line continues nothing': {
    dockerfile: 'FROM busybox\nENV a=b\\\\\nENV c=d\n',
  },
  'a continuation may end with the file': {
    dockerfile: 'FROM busybox\nRUN echo a >/out \\\n',
  },
  'lines end in CR LF': {
    dockerfile: 'FROM busybox\r\nENV a=1\r\nRUN echo b \\\r\n  c >/out\r\nLABEL d=e\r\n',
  },
  'a byte order mark is dropped': {
    dockerfile: '\ufeffFROM busybox\nENV a=1\n',
  },
  'instructions are written in any case': {
    dockerfile: 'from busybox\nenv a=1\nRuN echo $a >/out\ncmd ["x"]\n',
  },
  'tabs separate as blanks do': {
    dockerfile: 'FROM\tbusybox\nENV\ta=1\tb=2\nCOPY\ta\t/b\nLABEL a  \t  b\n',
    files: { a: '1' },
  },
  'an escape directive changes the escape character': {
    dockerfile: '# escape=`\nFROM busybox\nENV a=x\\y b=`"q`" c=`$a\nRUN echo 1 `\n  2 >/out\n',
  },
  'a directive has blanks and any case': {
    dockerfile: '#   EsCaPe  =  `\nFROM busybox\nRUN echo 1 `\n  2 >/out\n',
  },
  'an escape character must be one of two': {
    dockerfile: '# escape=x\nFROM busybox\n',
  },
  'a directive is given once': {
    dockerfile: '# escape=\\\n# escape=`\nFROM busybox\n',
  },
  'a comment ends the directives': {
    dockerfile: '# words\n# escape=`\nFROM busybox\nRUN echo 1 \\\n  2 >/out\n',
  },
  'an unknown directive ends the directives': {
    dockerfile: '# unknown=1\n# escape=`\nFROM busybox\nRUN echo 1 \\\n  2 >/out\n',
  },
  'a directive after an instruction is a comment': {
    dockerfile: 'FROM busybox\n# escape=`\nRUN echo 1 \\\n  2 >/out\n',
  },
  'an empty file is refused': { dockerfile: '' },
  'a file of comments alone is refused': { dockerfile: '# one\n\n# two\n' },
  'an unknown instruction is refused': { dockerfile: 'FROM busybox\nQUUXQUUX bar\n' },
  'an unknown instruction like a known one is refused with a suggestion': {
    dockerfile: 'FROM busybox\nCOPYY a b\n',
  },
  'the first instruction is FROM or ARG': { dockerfile: 'RUN true\nFROM busybox\n' },
  'an unknown flag is refused': { dockerfile: 'FROM busybox\nCOPY --form=x a /b\n', files: { a: '1' } },
  'a flag of nobody is refused': { dockerfile: 'FROM busybox\nENV --x=y a=1\nWORKDIR --y /z\n' },
  'a flag is given once': {
    dockerfile: 'FROM busybox\nCOPY --chown=1 --chown=2 a /b\n',
    files: { a: '1' },
  },
  'a flag needs its value': { dockerfile: 'FROM busybox\nCOPY --chown a /b\n', files: { a: '1' } },
  'a flag that is no truth is refused': {
    dockerfile: 'FROM busybox\nCOPY --link=maybe a /b\n',
    files: { a: '1' },
    only: 'buildkit',
  },
  'two dashes end the flags': { dockerfile: 'FROM busybox\nCOPY -- --a /b\n', files: { '--a': '1' } },
  'a list of other things than texts is refused': { dockerfile: 'FROM busybox\nCMD ["a", 1]\n' },
  'a list that is no JSON is a command for the shell': {
    dockerfile: 'FROM busybox\nCMD [\'a\', \'b\']\nENTRYPOINT ["a" "b"]\n',
  },
  'a list may have blanks around it': { dockerfile: 'FROM busybox\nCMD   [ "a" ,  "b" ]  \n' },
  'a list has the escapes of JSON': {
    dockerfile: 'FROM busybox\nCMD ["a\\n", "\\u00e9", "\\"", "\\\\", "$x", ""]\n',
  },
  'names and values may be of any script': {
    dockerfile: 'FROM busybox\nLABEL ключ="значение ☃"\nRUN echo 雪 >/снег\nCOPY 雪 /雪/\n',
    files: { 雪: 'snow' },
  },
  'an instruction without arguments is refused': { dockerfile: 'FROM busybox\nENV\n' },
  'RUN without a command': { dockerfile: 'FROM busybox\nRUN\n' },
  'WORKDIR without a path is refused': { dockerfile: 'FROM busybox\nWORKDIR\n' },
  'USER with two words': { dockerfile: 'FROM busybox\nUSER a b\n' },
  'COPY with one path is refused': { dockerfile: 'FROM busybox\nCOPY a\n' },
  'ADD with one path is refused': { dockerfile: 'FROM busybox\nADD a\n' },
  'a line of more than 65535 bytes is refused': {
    dockerfile: `FROM busybox\nENV a=${'x'.repeat(65_600)}\n`,
  },
  'a Dockerfile of another name is taken': {
    dockerfile: 'FROM busybox\nENV a=default\n',
    files: { 'sub/Other': 'FROM busybox\nENV a=other\nCOPY sub/Other /o\n' },
    options: ['-f', '<context>/sub/Other'],
  },
  'a missing Dockerfile is told of': { dockerfile: 'FROM busybox\n', options: ['-f', '<context>/nowhere'] },
};
