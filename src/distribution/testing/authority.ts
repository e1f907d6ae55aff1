import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface KeyPair {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

/** A certificate authority of a test's own, in a folder of its own. */
export class TestAuthority implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'sampan-authority-'));
  readonly cert: string;

  constructor() {
    this.#openssl(
      'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.crt',
    );
    this.cert = this.#read('ca.crt');
  }

  /** A certificate for names as in "DNS:localhost,IP:127.0.0.1", or a client's for none. */
  issue(name: string, subjects = ''): KeyPair {
    this.#openssl(
      `req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=${name} -keyout ${name}.key -out ${name}.csr`,
    );
    writeFileSync(join(this.folder, 'ext'), subjects === '' ? '' : `subjectAltName=${subjects}`);
    this.#openssl(
      `x509 -req -in ${name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out ${name}.crt`,
    );
    return { cert: this.#read(`${name}.crt`), key: this.#read(`${name}.key`) };
  }

  /** A folder of certificates for clients: names in "host/file" with their texts. */
  directory(name: string, files: Readonly<Record<string, string>>): string {
    const directory = join(this.folder, name);
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(directory, path, '..'), { recursive: true });
      writeFileSync(join(directory, path), text);
    }
    return directory;
  }

  #read(name: string): string {
    return readFileSync(join(this.folder, name), 'utf8');
  }

  #openssl(command: string): void {
    const done = Bun.spawnSync(['openssl', ...command.split(' ')], { cwd: this.folder });
    if (!done.success) throw new Error(`openssl ${command}: ${done.stderr}`);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
