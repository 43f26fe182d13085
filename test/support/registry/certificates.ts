import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** In PEM. */
export type KeyPair = { readonly key: string; readonly cert: string };

/** An authority of this test run only; openssl must be installed. */
export class TestAuthority implements Disposable {
  readonly cert: string;
  readonly #dir: string;

  constructor() {
    this.#dir = mkdtempSync(join(tmpdir(), 'lapidary-ca-'));
    this.cert = this.#make('ca', [
      '-subj',
      '/CN=test authority',
      '-addext',
      'basicConstraints=critical,CA:TRUE',
    ]).cert;
  }

  /** For a server on this machine, or for a client. */
  issue(name: string): KeyPair {
    const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    const signer = ['-CA', join(this.#dir, 'ca.crt'), '-CAkey', join(this.#dir, 'ca.key')];
    return this.#make(name, [...subject, ...signer, '-addext', 'basicConstraints=critical,CA:FALSE']);
  }

  #make(name: string, args: readonly string[]): KeyPair {
    const [key, cert] = [join(this.#dir, `${name}.key`), join(this.#dir, `${name}.crt`)];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
    // An empty configuration: that of the machine would add extensions of its own.
    execFileSync(
      'openssl',
      [
        'req',
        '-config',
        '/dev/null',
        '-x509',
        '-nodes',
        '-days',
        '2',
        ...curve,
        '-keyout',
        key,
        '-out',
        cert,
        ...args,
      ],
      { stdio: 'pipe' },
    );
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  }

  [Symbol.dispose](): void {
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
