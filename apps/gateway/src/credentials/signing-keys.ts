import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import {
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  type CryptoKey,
  type JWK,
} from 'jose';
import { DataSource } from 'typeorm';
import { SigningKey } from '../storage/signing-key.entity.ts';

/** Signature algorithm of the tokens (RFC 8037), over Ed25519. */
export const TOKEN_ALGORITHM = 'EdDSA';

/** Any number that nothing else in this schema's database locks: makes replicas that start together take turns. */
const GENERATION_LOCK = 7_080_001;

/** How soon keys are looked for again after a token named one that is not there, in milliseconds. */
const RELOAD_PAUSE_MS = 10_000;

interface LoadedKey {
  kid: string;
  privateKey: CryptoKey;
  publicKey: CryptoKey;
  publicJwk: JWK;
}

/** The keys that access tokens are signed and verified with. The first replica to start makes the first one. */
@Injectable()
export class SigningKeys implements OnApplicationBootstrap {
  #keys: LoadedKey[] = [];
  #loadedAt = 0;

  constructor(private readonly dataSource: DataSource) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.#generateFirst();
    await this.#load();
  }

  /** The newest key signs. */
  current(): LoadedKey {
    const [newest] = this.#keys;
    if (!newest)
      throw new Error('no signing key is loaded: tokens can be issued once the gateway has started');
    return newest;
  }

  /** The public key of that id, also when another replica has made it a moment ago. */
  async publicKey(kid: string): Promise<CryptoKey | undefined> {
    const known = this.#keys.find((key) => key.kid === kid);
    if (known) return known.publicKey;
    if (Date.now() - this.#loadedAt < RELOAD_PAUSE_MS) return undefined;
    await this.#load();
    return this.#keys.find((key) => key.kid === kid)?.publicKey;
  }

  /** What others need to verify tokens (RFC 7517). */
  publicJwks(): { keys: JWK[] } {
    return { keys: this.#keys.map((key) => key.publicJwk) };
  }

  async #generateFirst(): Promise<void> {
    await this.dataSource.transaction(async (tx) => {
      await tx.query('SELECT pg_advisory_xact_lock($1)', [GENERATION_LOCK]);
      if ((await tx.count(SigningKey)) > 0) return;
      const { privateKey } = await generateKeyPair(TOKEN_ALGORITHM, { extractable: true });
      const privateJwk = await exportJWK(privateKey);
      const kid = await calculateJwkThumbprint(privateJwk);
      await tx.insert(SigningKey, { kid, privateJwk: privateJwk as SigningKey['privateJwk'] });
    });
  }

  async #load(): Promise<void> {
    this.#loadedAt = Date.now();
    const rows = await this.dataSource.manager.find(SigningKey, { order: { createdAt: 'DESC' } });
    this.#keys = await Promise.all(
      rows.map(async ({ kid, privateJwk }) => {
        const { kty, crv, x } = privateJwk;
        const publicJwk: JWK = { kty, crv, x, kid, use: 'sig', alg: TOKEN_ALGORITHM };
        return {
          kid,
          privateKey: (await importJWK({ ...privateJwk, kid }, TOKEN_ALGORITHM)) as CryptoKey,
          publicKey: (await importJWK(publicJwk, TOKEN_ALGORITHM)) as CryptoKey,
          publicJwk,
        };
      }),
    );
  }
}
