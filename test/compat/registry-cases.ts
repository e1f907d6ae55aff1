import type { CliCase } from './cli-cases.ts';

/** Command lines about registries: logins, what is sent with them, pushes, searches and manifest lists. */

const plain = `
  login -u ann
  login -u ''
  login -p ''
  login -p x
  login --password-stdin
  login --password-stdin -u ann -p x
  login a b
  login --foo
  logout a b
  push
  push a b
  push web
  push -q web
  push -a web
  push web:1.2
  push -a web:1.2
  push -q registry.example:5000/team/web:1.2
  push --platform linux/arm64 web
  push --platform ARM64 web
  push --platform linux/arm/v7 -q web
  push --platform linux/arm64/v8/x web
  push --disable-content-trust web
  push BAD
  push web@sha256:1111111111111111111111111111111111111111111111111111111111111111
  push inband
  push nosuch
  push index.docker.io/team/web
  image push web
  search
  search a b
  search web
  search --no-trunc web
  search --limit 3 web
  search --limit x web
  search --limit 101 web
  search -f is-official=true -f stars=3 web
  search -f is-automated=true web
  search -f stars web
  search -f foo=bar web
  search registry.example:5000/web
  search localhost/web
  search index.docker.io/web
  search nothing
  search --format json web
  search --format table web
  search --format '{{.Name}} {{.IsOfficial}} {{.StarCount}} {{.Description}}' web
  search --format 'table {{.Name}}\\t{{.IsOfficial}}' web
  search --format '{{json .}}' --no-trunc web
  search --format '{{.Foo}}' web
  search --format '{{.IsAutomated}}' web
  search --format '{{' web
  manifest create
  manifest create a
  manifest create BAD x
  manifest create x BAD
  manifest annotate a
  manifest annotate BAD x
  manifest annotate x BAD
  manifest annotate x y
  manifest inspect
  manifest inspect a b c
  manifest inspect BAD
  manifest inspect x y
  manifest inspect BAD y
  manifest push
  manifest push BAD
  manifest push x
  manifest rm
  manifest rm x
  manifest rm x BAD y@sha256:1111111111111111111111111111111111111111111111111111111111111111
`;

const auth = (text: string): { auth: string } => ({ auth: Buffer.from(text).toString('base64') });
const ann = auth('ann:secret');
const known = { auths: { 'registry.example:5000': ann, 'https://index.docker.io/v1/': auth('bob:word') } };
const helped = { credsStore: 'canned' };
const host = 'registry.example:5000';

/** With a configuration to begin with, and what became of it in the end. */
const configured: readonly CliCase[] = [
  { config: {}, line: `login -u ann -p secret ${host}` },
  { config: {}, line: `login -u ann --password-stdin ${host}`, stdin: 'sec ret\r\n' },
  { config: {}, line: `login -u ann --password-stdin ${host}`, stdin: '\n' },
  { config: {}, line: 'login -u ann -p secret' },
  { config: {}, line: 'login -u ann -p secret docker.io' },
  { config: {}, line: 'login -u ann -p secret https://index.docker.io/v1/' },
  { config: {}, line: 'login -u token -p secret https://registry.example/v2/' },
  { config: {}, line: 'login -u ann -p secret http://registry.example:5000/x/y' },
  { config: {}, line: 'login -u ann -p secret https://registry.example:443' },
  { config: {}, line: 'login -u ann -p secret [::1]:5000' },
  { config: {}, line: `login -u ann -p wrong ${host}` },
  { config: {}, line: `login ${host}` },
  { config: known, line: `login -u ann -p secret ${host}` },
  { config: known, line: `login -u token -p other ${host}` },
  { config: known, line: `login ${host}` },
  { config: known, line: `login http://${host}` },
  { config: { auths: { [host]: auth('ann:wrong') } }, line: `login ${host}` },
  { config: { auths: { [host]: auth('ann:down') } }, line: `login ${host}` },
  { config: { auths: { [host]: { identitytoken: 'id' } } }, line: `login ${host}` },
  { config: helped, line: `login -u ann -p secret ${host}` },
  { config: helped, line: `login -u token -p secret ${host}` },
  { config: helped, line: 'login -u ann -p secret broken.example' },
  { config: helped, line: 'login known.example' },
  { config: helped, line: 'login token.example' },
  { config: helped, line: 'login broken.example' },
  { config: { credHelpers: { [host]: 'canned' } }, line: `login -u ann -p secret ${host}` },
  { config: { credHelpers: { [host]: 'canned' } }, line: 'login -u ann -p secret other.example' },
  { config: { credsStore: 'none' }, line: `login -u ann -p secret ${host}` },
  { config: {}, line: `logout ${host}` },
  { config: {}, line: 'logout' },
  { config: known, line: `logout ${host}` },
  { config: known, line: `logout https://${host}/v2/` },
  { config: known, line: 'logout' },
  { config: { auths: { [`https://${host}`]: ann } }, line: `logout ${host}` },
  { config: { ...helped, auths: { 'known.example': {} } }, line: 'logout known.example' },
  { config: helped, line: 'logout' },
  { config: known, line: `pull ${host}/web` },
  { config: known, line: 'pull web' },
  { config: known, line: 'pull other.example/web' },
  { config: helped, line: 'pull known.example/web' },
  { config: helped, line: 'pull token.example/web' },
  { config: helped, line: 'pull unknown.example/web' },
  { config: known, line: `push ${host}/web` },
  { config: known, line: 'push web' },
  { config: { auths: { [host]: { ...ann, identitytoken: 'id' } } }, line: `push ${host}/web` },
  { config: known, line: `search ${host}/web` },
  { config: known, line: 'search web' },
  { config: known, line: `create --pull always ${host}/web` },
  { config: known, line: `run --pull always ${host}/web` },
  { config: helped, line: 'create --pull always known.example/web' },
];

export const registryCases: readonly CliCase[] = [
  ...plain
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => ({ line })),
  ...configured,
];

export const registryHelpPages: readonly string[] = [
  'push',
  'image push',
  'image pull',
  'search',
  'login',
  'logout',
  'manifest create',
  'manifest annotate',
  'manifest inspect',
  'manifest push',
  'manifest rm',
];
