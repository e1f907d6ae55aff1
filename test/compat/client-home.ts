import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

/** What a command line keeps for its user, before and after a case. */

/** A credential helper that writes down what it is told, and knows some servers by their names. */
const helper = `#!/bin/sh
read -r input
kept="$HOME/.docker/kept"
case "$1 $input" in
  *broken.example*) echo 'it broke'; exit 3 ;;
  "get known.example") echo '{"ServerURL":"known.example","Username":"kim","Secret":"kept"}' ;;
  "get token.example") echo '{"ServerURL":"token.example","Username":"<token>","Secret":"kept-token"}' ;;
  get*) echo 'credentials not found in native keychain'; exit 1 ;;
  *) echo "$1 $input" >> "$kept" ;;
esac
`;

/** Puts the credential helper "canned" into a folder. */
export function makeHelper(folder: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/docker-credential-canned`, helper);
  chmodSync(`${folder}/docker-credential-canned`, 0o755);
}

export function writeConfig(home: string, config: object): void {
  mkdirSync(`${home}/.docker`, { mode: 0o700 });
  writeFileSync(`${home}/.docker/config.json`, JSON.stringify(config), { mode: 0o600 });
}

/** The configuration and what the helper was told; both are removed. */
export function takeConfig(home: string): { readonly config: unknown; readonly kept: string } {
  const folder = `${home}/.docker`;
  const config: unknown = JSON.parse(readFileSync(`${folder}/config.json`, 'utf8'));
  const kept = existsSync(`${folder}/kept`) ? readFileSync(`${folder}/kept`, 'utf8') : '';
  rmSync(folder, { recursive: true });
  return { config, kept };
}
