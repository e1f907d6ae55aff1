import type { BuildCase, BuildCases } from '../case.ts';

/** What a word becomes where `set` is "value" and `empty` is set to nothing. */
function word(text: string): BuildCase {
  return {
    dockerfile: `FROM busybox\nENV set=value empty= dots=a.b.c.b path=/x/y/z.tar.gz\nENV r=${text}\n`,
  };
}

/** In which words of which instructions variables are expanded, and how. */
export const expansionCases: BuildCases = {
  'a variable is named with and without braces': word('$set.${set}_$set_-$none'),
  'a value or a default: ${v:-w}': word('${set:-w}.${empty:-w}.${none:-w}.${none:-}'),
  'a value or a default where it is unset: ${v-w}': word('${set-w}.${empty-w}.${none-w}'),
  'another value or nothing: ${v:+w}': word('${set:+w}.${empty:+w}.${none:+w}'),
  'another value where it is set: ${v+w}': word('${set+w}.${empty+w}.${none+w}'),
  'an error or a value: ${v:?w}': word('${set:?w}'),
  'an error where it is empty: ${v:?w}': word('${empty:?must not}'),
  'an error in own words where it is empty: ${v:?}': word('${empty:?}'),
  'a value where it is empty but set: ${v?w}': word('${empty?must not}'),
  'an error where it is unset: ${v?w}': word('${none?must be}'),
  'an error in own words where it is unset: ${v?}': word('${none?}'),
  'defaults are expanded in turn': word('${none:-${set:-x}}.${none:-$none}.${none:-a$set}b'),
  'a beginning is cut: ${v#p} and ${v##p}': word('${path#*/}.${path##*/}.${dots#x}.${dots##a?}'),
  'an end is cut: ${v%p} and ${v%%p}': word('${path%.*}.${path%%.*}.${dots%x}.${dots%%.b*}'),
  'a part is replaced: ${v/p/r} and ${v//p/r}': word('${dots/./-}.${dots//./-}.${path/\\//_}.${path//\\//_}'),
  'a part is replaced by nothing': word('${dots//b/}.${dots/a*c/}'),
  'patterns know escapes': word('${dots#a\\.}.${path##\\/x}.${dots#\\*}'),
  'other escapes of patterns are refused': word('${dots#\\a}'),
  'brackets are no pattern': word('${dots#[a]}'),
  'a modifier that nobody knows is refused': word('${set:#v}'),
  'an empty name is refused': word('${}'),
  'a name that is none is refused': word('${:x}'),
  'braces must be closed': word('${set'),
  'an escaped dollar is a dollar': word('\\$set.\\${set}.\\\\$set'),
  'single quotes keep everything': word('\'$set \\$set "x"\''),
  'double quotes expand and know escapes': word('"$set \\$set \\"x\\" \\\\ \\n \'y\'"'),
  'quotes may stand within a word': word('a"b $set c"d\'e $set\'f'),
  'a quote that is not closed is refused': word('"$set'),
  'one letter names beyond letters are unset': word('$1.$@.$*.$#.$?.$-.$$.$!.$0.x'),
  'a dollar before nothing is a dollar': word('a$ b=$'),
  'an instruction sees the values before it': {
    dockerfile: 'FROM busybox\nENV a=1\nENV a=2 b=$a\nENV c=$a\n',
  },
  'EXPOSE makes several words of one variable': {
    dockerfile: 'FROM busybox\nENV ports="80 443/tcp 53/udp"\nEXPOSE $ports ${none} 22\n',
  },
  'LABEL is expanded in keys and values': {
    dockerfile: 'FROM busybox\nENV a=1 k=key\nLABEL $k=$a "b"="${a}2" \'c\'=\'$a\'\nLABEL d $a $k\n',
  },
  'WORKDIR, USER, VOLUME and STOPSIGNAL are expanded': {
    dockerfile:
      'FROM busybox\nENV d=dir u=www-data s=SIGUSR1\nWORKDIR /$d/${d}\nUSER $u:$u\nVOLUME /v/$d ${d}2\nSTOPSIGNAL $s\n',
  },
  'VOLUME is expanded in a list': { dockerfile: 'FROM busybox\nENV d=dir\nVOLUME ["/v/$d", "/w"]\n' },
  'COPY and ADD are expanded': {
    dockerfile:
      'FROM busybox\nENV s=a d=/to\nCOPY $s $d/\nADD ["${s}", "$d/added"]\nCOPY --chown=$none:1 $s /own\n',
    files: { a: '1' },
  },
  'an owner is expanded': {
    dockerfile: 'FROM busybox\nARG u=www-data\nCOPY --chown=$u:audio a /a\nADD --chown=${u} a /b\n',
    files: { a: '1' },
  },
  'a mode is expanded': {
    dockerfile: 'FROM busybox\nARG m=0711\nCOPY --chmod=$m a /a\n',
    files: { a: '1' },
    only: 'buildkit',
  },
  'commands are left to the shell': {
    dockerfile:
      'FROM busybox\nENV a=1\nRUN echo "$a" ${a:+set} >/out\nCMD echo $a\nENTRYPOINT ["echo", "$a"]\nHEALTHCHECK CMD echo $a\n',
  },
  'commands in a list are not expanded': {
    dockerfile: 'FROM busybox\nENV a=1\nRUN ["/bin/sh", "-c", "echo $0 >/out", "$a"]\n',
  },
  'SHELL and MAINTAINER are not expanded': {
    dockerfile: 'FROM busybox\nENV a=1\nMAINTAINER $a\nSHELL ["/bin/sh", "-c", "$a"]\n',
  },
  'a variable in --from is refused': {
    dockerfile: 'FROM busybox AS one\nFROM busybox\nARG s=one\nCOPY --from=$s /bin/sh /x\n',
  },
  'ARG defaults are expanded': {
    dockerfile: 'FROM busybox\nARG a=1\nARG b=${a}2\nENV c=$b e=$a\n',
  },
  'ENV in its old form takes the rest of the line': {
    dockerfile: 'FROM busybox\nENV a 1\nENV b $a  "two" \'$a\' \\$a\n',
  },
};
