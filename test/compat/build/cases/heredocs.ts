import type { BuildCases } from '../case.ts';

export const heredocCases: BuildCases = {
  'a heredoc alone is the script of RUN': {
    dockerfile: 'FROM busybox\nARG v=1\nRUN <<EOF\necho "$v" >/a\nset -e\necho two >/b\nEOF\nENV after=1\n',
    only: 'buildkit',
  },
  'a heredoc with an interpreter is run by it': {
    dockerfile: 'FROM busybox\nRUN <<EOF\n#!/bin/awk -f\nBEGIN { print "awk" >"/a" }\nEOF\n',
    only: 'buildkit',
  },
  'a heredoc beside a command is for the shell': {
    dockerfile: 'FROM busybox\nARG v=1\nRUN cat <<A >/a && cat <<"B" >/b\none $v\nA\ntwo $v\nB\n',
    only: 'buildkit',
  },
  'a heredoc of RUN fails with its command': {
    dockerfile: 'FROM busybox\nRUN <<EOF\nfalse\nexit 7\nEOF\n',
    only: 'buildkit',
  },
  'tabs before the lines of a heredoc go where that is asked for': {
    dockerfile: 'FROM busybox\nRUN <<-EOF\n\techo a >/a\n\t\techo b >/b\n\tEOF\n',
    only: 'buildkit',
  },
  'a heredoc is run by the SHELL that is set': {
    dockerfile: 'FROM busybox\nSHELL ["/bin/sh", "-e", "-c"]\nRUN <<EOF\nfalse || true\necho a >/a\nEOF\n',
    only: 'buildkit',
  },
  'COPY makes a file of a heredoc': {
    dockerfile: 'FROM busybox\nARG v=1\nCOPY <<EOF /a\n$v "${v}" \\$v\nEOF\n',
    only: 'buildkit',
  },
  'COPY of a quoted heredoc expands nothing': {
    dockerfile: 'FROM busybox\nARG v=1\nCOPY <<"EOF" /a\n$v "${v}" \\$v\nEOF\nCOPY <<\'EOF\' /b\n$v\nEOF\n',
    only: 'buildkit',
  },
  'COPY puts a heredoc into a directory under its name': {
    dockerfile: 'FROM busybox\nCOPY <<one <<two /d/\n1\none\n2\ntwo\n',
    only: 'buildkit',
  },
  'COPY takes heredocs and sources together': {
    dockerfile: 'FROM busybox\nCOPY a <<b d/c /e/\nB\nb\n',
    files: { a: 'A', 'd/c': 'C' },
    only: 'buildkit',
  },
  'COPY gives a heredoc its owner and mode': {
    dockerfile: 'FROM busybox\nCOPY --chown=www-data:audio --chmod=4750 <<x /x\n1\nx\n',
    only: 'buildkit',
  },
  'COPY cuts the tabs of a heredoc where that is asked for': {
    dockerfile: 'FROM busybox\nCOPY <<-x /x\n\ta\n\t\tb\n  c\n\tx\n',
    only: 'buildkit',
  },
  'ADD makes a file of a heredoc': {
    dockerfile: 'FROM busybox\nADD <<EOF /a\nadded\nEOF\n',
    only: 'buildkit',
  },
  'an empty heredoc is an empty file': {
    dockerfile: 'FROM busybox\nCOPY <<EOF /a\nEOF\n',
    only: 'buildkit',
  },
  'a heredoc that does not end is refused': {
    dockerfile: 'FROM busybox\nCOPY <<EOF /a\nx\n',
    only: 'buildkit',
  },
  'comments and escapes are data in a heredoc': {
    dockerfile: 'FROM busybox\nCOPY <<EOF /a\n# not a comment\nx \\\ny\n\nEOF\n',
    only: 'buildkit',
  },
  'a heredoc in a list is a text': {
    dockerfile: 'FROM busybox\nRUN ["sh", "-c", "cat <<EOF >/a\\nx\\nEOF"]\n',
  },
  'a heredoc of ONBUILD is made in the child': {
    dockerfile: 'FROM triggers\n',
    before: { triggers: 'FROM busybox\nONBUILD COPY <<EOF /a\nx\nEOF\n' },
    only: 'buildkit',
  },
  'heredocs with the classic builder': {
    dockerfile: 'FROM busybox\nCOPY <<EOF /a\nx\nEOF\n',
    only: 'classic',
  },
};
