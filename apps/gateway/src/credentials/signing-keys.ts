import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { SERVICE_CONFIG } from '@warren/service';
import { importJWK, type CryptoKey, type JWK } from 'jose';
import { DataSource } from 'typeorm';
import type { GatewayConfig } from '../config.ts';
import {
  findSigningKeys,
  LATE_SECONDS,
  prepareSigningKeys,
  removeExpiredSigningKeys,
  rotateSigningKey,
  TOKEN_ALGORITHM,
  type StoredKey,
} from './key-rotation.ts';

/** How often the keys are looked for that others have made, in milliseconds: twice as often as is needed. */
const REFRESH_MS = (LATE_SECONDS * 1000) / 2;

/** How soon keys are looked for again after a token named one that is not there, in milliseconds. */
const MISS_PAUSE_MS = 10_000;

interface LoadedKey {
  kid: string;
  privateKey: CryptoKey;
  publicKey: CryptoKey;
  publicJwk: JWK;
  /** By the database's clock, as is the next. */
  signsFrom: number;
  verifiesUntil: number;
}

/** The keys that access tokens are signed and verified with. The first replica to start makes the first one. */
@Injectable()
export class SigningKeys implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #log = new Logger(SigningKeys.name);
  /** The one that signs last first. */
  #keys: LoadedKey[] = [];
  /** By the monotonic clock, in milliseconds. */
  #loadedAt = -Infinity;
  #missedAt = -Infinity;
  #clockAheadMs = 0;
  #loading: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly dataSource: DataSource,
    @Inject(SERVICE_CONFIG) private readonly config: GatewayConfig,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await prepareSigningKeys(this.dataSource, this.config.WARREN_TOKEN_SECONDS);
    await this.refresh();
    this.#timer = setInterval(() => {
      this.refresh().catch((error: unknown) => {
        // Before it signs it looks again.
        this.#log.warn(`could not look for signing keys, trying again in a minute: ${String(error)}`);
      });
    }, REFRESH_MS).unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.#timer);
    // Whoever began it is told how it ended.
    await this.#loading?.catch(() => undefined);
  }

  /** The key that signs at this moment. */
  async current(): Promise<{ kid: string; privateKey: CryptoKey }> {
    // With keys of long ago it might sign with one that nobody expects to sign any more.
    if (performance.now() - this.#loadedAt > LATE_SECONDS * 1000) await this.refresh();
    const key = this.#keys.find(({ signsFrom }) => signsFrom <= this.#now());
    if (!key) throw new Error('no signing key is loaded: tokens can be issued once the gateway has started');
    return key;
  }

  /** The public key of that id, also when another replica has made it a moment ago; none that has expired. */
  async publicKey(kid: string): Promise<CryptoKey | undefined> {
    const known = this.#valid().find((key) => key.kid === kid);
    if (known) return known.publicKey;
    if (performance.now() - this.#missedAt < MISS_PAUSE_MS) return undefined;
    this.#missedAt = performance.now();
    await this.refresh();
    return this.#valid().find((key) => key.kid === kid)?.publicKey;
  }

  /** What others need to verify tokens (RFC 7517), of now and of the next minutes. */
  publicJwks(): { keys: JWK[] } {
    return { keys: this.#valid().map((key) => key.publicJwk) };
  }

  /** Looks for keys that others have made. */
  refresh(): Promise<void> {
    return (this.#loading ??= this.#load().finally(() => (this.#loading = undefined)));
  }

  /** Announces a new key when the newest is old enough, and removes those that have expired. Replicas may do it at once. */
  async rotateIfDue(): Promise<void> {
    const announced = await rotateSigningKey(this.dataSource, this.config.WARREN_SIGNING_KEY_DAYS);
    if (announced !== undefined) this.#log.log(`announced the signing key ${announced}`);
    for (const kid of await removeExpiredSigningKeys(this.dataSource.manager)) {
      this.#log.log(`removed the signing key ${kid}: its last tokens have expired`);
    }
    await this.refresh();
  }

  #now(): number {
    return Date.now() + this.#clockAheadMs;
  }

  #valid(): LoadedKey[] {
    return this.#keys.filter(({ verifiesUntil }) => verifiesUntil > this.#now());
  }

  async #load(): Promise<void> {
    const began = performance.now();
    const { keys, now } = await findSigningKeys(this.dataSource.manager);
    this.#keys = await Promise.all(keys.reverse().map(loaded));
    this.#clockAheadMs = now.getTime() - Date.now();
    this.#loadedAt = began;
  }
}

async function loaded({ kid, privateJwk, signsFrom, verifiesUntil }: StoredKey): Promise<LoadedKey> {
  const { kty, crv, x } = privateJwk;
  const publicJwk: JWK = { kty, crv, x, kid, use: 'sig', alg: TOKEN_ALGORITHM };
  return {
    kid,
    privateKey: (await importJWK({ ...privateJwk, kid }, TOKEN_ALGORITHM)) as CryptoKey,
    publicKey: (await importJWK(publicJwk, TOKEN_ALGORITHM)) as CryptoKey,
    publicJwk,
    signsFrom: signsFrom.getTime(),
    verifiesUntil: verifiesUntil?.getTime() ?? Infinity,
  };
}
