import { parseReference } from '../../oci/reference.ts';
import { checkEnvironment, checkExtraHost, checkLabel } from '../container/checks.ts';
import { ulimits } from '../container/resource-flags.ts';
import { flag, type OptionsOf } from '../flag.ts';
import { bool, bytes, bytesOrUnlimited, integer, list, strings, text } from '../flag-types.ts';

/** Everything that `build` takes: the flags of Docker's command line and those of its buildx plugin. Hidden ones are mostly refused. */
export const buildFlags = {
  'add-host': flag(list(checkExtraHost), '', 'Add a line to the hosts file of the steps (host:ip)'),
  allow: flag(list(), '', 'Allow the build more (network.host, security.insecure)', { hidden: true }),
  annotation: flag(
    list(),
    '',
    'Annotate the image (key=value, index:key=value, manifest[platform]:key=value)',
  ),
  attest: flag(list(), '', 'Say more about the image (type=provenance,mode=max, type=sbom)'),
  'build-arg': flag(list(checkEnvironment), '', 'Set a build argument (NAME=value, or NAME from here)'),
  'build-context': flag(list(), '', 'Give another context a name (name=path)'),
  builder: flag(text(), '', 'Name of a builder; there is one only', { hidden: true }),
  'cache-from': flag(
    list(),
    '',
    'Caches that steps may come from (name, type=registry,ref=name, type=local,src=folder)',
  ),
  'cache-to': flag(
    list(),
    '',
    'Where steps are cached besides (type=registry,ref=name, type=local,dest=folder, type=inline)',
  ),
  call: flag(text('build'), '', 'What to do (build, check, outline, targets; also with ",format=json")'),
  'cgroup-parent': flag(text(), '', 'Cgroup to put the steps in'),
  check: flag(bool(), '', 'Only tell what is unusual about the Dockerfile'),
  compress: flag(bool(), '', 'Send the context compressed'),
  'cpu-period': flag(integer(), '', 'Period of the CPU scheduler in microseconds'),
  'cpu-quota': flag(integer(), '', 'CPU time in each period in microseconds'),
  'cpu-shares': flag(integer(), 'c', 'Relative weight of CPU time'),
  'cpuset-cpus': flag(text(), '', 'CPUs to run on (0-3, 0,1)'),
  'cpuset-mems': flag(text(), '', 'Memory nodes to use (0-3, 0,1)'),
  debug: flag(bool(), 'D', 'Open a shell where a step fails'),
  'disable-content-trust': flag(bool(true), '', 'Do not check signatures of images', {
    deprecated: 'signatures are not checked',
  }),
  file: flag(text(), 'f', 'Path of the Dockerfile, "-" for standard input (default PATH/Dockerfile)'),
  'force-rm': flag(bool(), '', 'Keep no containers, even of a build that failed (none are ever kept)'),
  iidfile: flag(text(), '', 'Write the image ID to this file'),
  invoke: flag(text(), '', 'What runs where a step fails (bash, entrypoint=…,user=…); implies --debug'),
  isolation: flag(text(), '', 'Isolation technology'),
  label: flag(list(checkLabel), '', 'Set labels of the image'),
  load: flag(bool(), '', 'Keep the image in the store (default)'),
  memory: flag(bytes, 'm', 'Limit of memory'),
  'memory-swap': flag(bytesOrUnlimited, '', "Limit of memory and swap together; '-1' leaves swap unlimited"),
  'metadata-file': flag(text(), '', 'Write what was built to this file, as JSON'),
  network: flag(text('default'), '', 'Network of the steps (default, none, host, a name)'),
  'no-cache': flag(bool(), '', 'Make everything anew'),
  'no-cache-filter': flag(list(), '', 'Make these stages anew'),
  output: flag(
    list(),
    'o',
    'Where the result goes (a folder, "-", type=oci,dest=file; local, tar, docker, image)',
  ),
  platform: flag(list(), '', 'Platforms of the image (linux/amd64,linux/arm64)'),
  policy: flag(list(), '', 'Check what the build uses by a policy', { hidden: true }),
  print: flag(bool(), '', 'Only show what would be asked of the daemon'),
  progress: flag(text('auto'), '', 'How progress is shown (auto, plain, tty, quiet, rawjson)'),
  provenance: flag(text(), '', 'Say how the image was made (true, mode=min, mode=max,version=v1)'),
  pull: flag(bool(), '', 'Look for newer base images in their registries'),
  push: flag(bool(), '', 'Upload the image to its registry'),
  quiet: flag(bool(), 'q', 'Show only the image ID'),
  rm: flag(bool(true), '', 'Keep no containers (none are ever kept)'),
  sbom: flag(text(), '', 'Say what is installed in the image (true)'),
  secret: flag(list(), '', 'Give a secret to the build (id=name,src=file, id=name,env=VARIABLE)'),
  'security-opt': flag(strings, '', 'Security options'),
  'shm-size': flag(bytes, '', 'Size of /dev/shm'),
  squash: flag(bool(), '', 'Make one layer of all new ones', { hidden: true }),
  ssh: flag(list(), '', "Forward an agent's socket (default, id=socket)"),
  tag: flag(list(checkTag), 't', 'Name of the image (name:tag)'),
  target: flag(text(), '', 'Build this stage'),
  ulimit: flag(ulimits, '', 'Limits of processes'),
};

export type BuildOptions = OptionsOf<typeof buildFlags>;

function checkTag(value: string): string {
  parseReference(value);
  return value;
}
