import type { CliCase } from './cli-cases.ts';

/** Command lines about files of containers, archives of images, and what is on disk. `<dir>/out` is made anew for each. */

const copyingOut = `
  cp web:/file <dir>/out
  cp web:/file <dir>/out/new
  cp web:/file <dir>/out/existing
  cp web:/file <dir>/out/new/
  cp web:/file <dir>/out/dir/
  cp web:/file <dir>/out/no/such/name
  cp web:/file <dir>/out/no/name
  cp web:/file <dir>/out/existing/x
  cp web:/file <dir>/out/linktofile
  cp web:/file <dir>/out/linktodir
  cp web:/file <dir>/out/dangling
  cp web:/file /dev/null
  cp web:/file -
  cp web:/dir <dir>/out
  cp web:/dir <dir>/out/new
  cp web:/dir <dir>/out/dir
  cp web:/dir <dir>/out/existing
  cp web:/dir/. <dir>/out/dir
  cp web:/dir/. <dir>/out/new
  cp web:/dir/ <dir>/out/new
  cp web:dir <dir>/out
  cp web:/link <dir>/out
  cp -L web:/link <dir>/out
  cp -L web:/link <dir>/out/new
  cp -L web:/dirlink <dir>/out
  cp -L web:/dirlink <dir>/out/new
  cp -L web:/brokenlink <dir>/out
  cp -q web:/file <dir>/out
  cp --quiet=false web:/file <dir>/out
  cp --quiet=false web:/dir <dir>/out/new
  cp web:/nothing <dir>/out
  cp nosuch:/file <dir>/out
  cp web:/ <dir>/out/root
  cp web:/ <dir>/out
  container cp web:/file <dir>/out
`;

const copyingIn = `
  cp <dir>/in/file web:/etc
  cp <dir>/in/file web:/etc/
  cp <dir>/in/file web:/file
  cp <dir>/in/file web:/new
  cp <dir>/in/file web:/new/
  cp <dir>/in/file web:/no/such
  cp <dir>/in/file web:/link
  cp <dir>/in/file web:/dirlink
  cp <dir>/in/file web:/brokenlink
  cp <dir>/in/file web:/null
  cp <dir>/in/file web:etc
  cp <dir>/in/file web:/readonly
  cp <dir>/in/tree web:/etc
  cp <dir>/in/tree web:/new
  cp <dir>/in/tree web:/new/
  cp <dir>/in/tree web:/file
  cp <dir>/in/tree/ web:/etc
  cp <dir>/in/tree/. web:/etc
  cp <dir>/in/tree/. web:/new
  cp in/tree web:/etc
  cp ./in/file web:/etc
  cp in/a:b web:/etc
  cp ./in/a:b web:/etc
  cp a:b web:/etc
  cp <dir>/in/link web:/etc
  cp -L <dir>/in/link web:/etc
  cp -L <dir>/in/link web:/new
  cp -L <dir>/in/treelink web:/etc
  cp <dir>/in/treelink web:/etc
  cp <dir>/in/treelink/ web:/etc
  cp <dir>/in/treelink/. web:/etc
  cp <dir>/in/treelink/file web:/etc
  cp -L <dir>/in/dangling web:/etc
  cp <dir>/in/dangling web:/etc
  cp -a <dir>/in/file web:/etc
  cp -q <dir>/in/file web:/etc
  cp --quiet=false <dir>/in/file web:/etc
  cp --quiet=false <dir>/in/tree web:/new
  cp <dir>/in/nosuch web:/etc
  cp <dir>/in/file/ web:/etc
  cp <dir>/in/file nosuch:/etc
  cp a:/x b:/y
  cp a b
  cp "" web:/x
  cp web:/x ""
  cp web:/x
  cp :/x y
  cp web: <dir>/out
`;

const archives = `
  save busybox
  save -o <dir>/out/images.tar busybox web:1.2
  save -o <dir>/out/existing busybox
  save -o <dir>/out/dir busybox
  save -o <dir>/out/no/such busybox
  save -o /dev/null busybox
  save --platform linux/arm64 busybox
  save --platform x/y/z/a busybox
  save -o <dir>/out/images.tar nosuch
  save nosuch
  save
  image save busybox
  export web
  export -o <dir>/out/files.tar web
  export -o <dir>/out/no/such web
  export nosuch
  export -o <dir>/out/files.tar nosuch
  export
  container export web
  load --platform linux/arm64 -i <dir>/archive.tar
  load --platform x/y/z/a -i <dir>/archive.tar
  load -q -i <dir>/archive.tar
  import <dir>/archive.tar BAD
  import ftp://x y
  commit web
  commit web registry.example:5000/team/app
  commit web app:2
  commit web app@sha256:1111111111111111111111111111111111111111111111111111111111111111
  commit web BAD
  commit -a me -m 'a message' -c 'CMD sh' -c 'ENV A=1' -p=false web app
  commit --pause web app
  commit nosuch app
  commit
  commit a b c
  container commit web app
  diff web
  diff unchanged
  diff nosuch
  diff
  container diff web
  image inspect --platform linux/arm64 web
  image inspect --platform x/y/z/a web
  history --platform linux/arm64 web
  history --platform x/y/z/a web
`;

const disk = `
  system df
  system df -v
  system df --format '{{.Type}} {{.TotalCount}} {{.Active}} {{.Size}} {{.Reclaimable}}'
  system df --format 'table {{.Type}}\\t{{.Size}}'
  system df --format json
  system df --format '{{json .}}'
  system df --format '{{.Foo}}'
  system df --format '{{'
  system df --format table
  system df --format raw
  system df -v --format '{{json .}}'
  system df -v --format json
  system df -v --format '{{range .Images}}{{.Repository}} {{.Tag}} {{.UniqueSize}} {{.SharedSize}} {{.Containers}}{{println}}{{end}}'
  system df -v --format '{{range .Containers}}{{.Names}} {{.Size}} {{.LocalVolumes}}{{println}}{{end}}{{range .Volumes}}{{.Name}} {{.Links}} {{.Size}}{{println}}{{end}}{{range .BuildCache}}{{.ID}} {{.CacheType}} {{.Size}}{{println}}{{end}}'
  system df -v --format '{{.Foo}}'
  system df x
  system prune -f
  system prune -af
  system prune -f --volumes
  system prune -af --volumes --filter label=x --filter label!=y
  system prune -f --filter until=24h
  system prune -f --volumes --filter until=24h
  system prune -f --filter label=nothing
  image prune -f
  image prune -af
  image prune -f --filter label=nothing
  image prune -af --filter until=24h
  image prune -f --filter dangling=false
  container prune -f --filter until=1h
  volume prune -f
  volume prune -af
  volume prune -f --filter label=nothing
  volume prune -af --filter all=false
  volume prune -f --filter all=1
  image prune x
  volume prune x
`;

const lines = (text: string): CliCase[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => ({ line }));

const questions: readonly CliCase[] = [
  'system prune',
  'system prune -a',
  'system prune --volumes',
  'system prune -a --volumes',
  'system prune --filter until=24h --filter label=b --filter label=a',
  'image prune',
  'image prune -a',
  'image prune --filter label=x',
  'image prune -a --filter until=24h --filter label=x',
  'container prune --filter label=x',
  'volume prune',
  'volume prune -a',
].flatMap((line) => [
  { line, stdin: 'y\n' },
  { line, stdin: 'n\n' },
]);

export const fileCases: readonly CliCase[] = [
  ...lines(copyingOut),
  ...lines(copyingIn),
  ...lines(archives),
  ...lines(disk),
  ...questions,
  { line: 'cp - web:/etc', stdin: 'a tar' },
  { line: 'cp - web:/file', stdin: 'a tar' },
  { line: 'cp - web:/nothing', stdin: 'a tar' },
  { line: 'cp -a - web:/dirlink', stdin: 'a tar' },
  { line: 'import - x', stdin: 'files' },
  { line: 'load -q', stdin: 'an archive' },
];

export const fileHelpPages: readonly string[] = [
  'cp',
  'save',
  'export',
  'commit',
  'diff',
  'container cp',
  'container commit',
  'container diff',
  'container export',
  'image save',
  'image load',
  'image import',
  'image history',
  'image prune',
  'container prune',
  'volume prune',
  'system df',
  'system prune',
];
