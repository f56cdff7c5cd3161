import { Inject, Injectable } from '@nestjs/common';
import { SERVICE_CONFIG } from '@warren/service';
import { DataSource } from 'typeorm';
import type { GatewayConfig } from '../config.ts';
import { AccessTokens } from '../credentials/access-tokens.ts';
import { passwordMatches } from '../credentials/passwords.ts';
import { Turns } from '../credentials/turns.ts';
import { Account, emailKey } from '../storage/account.entity.ts';
import { SignInLimits } from '../storage/sign-in-limits.ts';

/** Unknown address or wrong password: which of the two is nobody's business. */
export class InvalidCredentials extends Error {
  override readonly name = 'InvalidCredentials';
  constructor() {
    super('the address or the password is wrong');
  }
}

export interface Session {
  accessToken: string;
  /** In seconds. */
  expiresIn: number;
}

/** Node hashes on four threads; more at once would only wait there, and be counted as failed meanwhile. */
const AT_ONCE = 4;

/** Exchanges an address and a password for an access token. */
@Injectable()
export class OpenSession {
  readonly #turns = new Turns(AT_ONCE);

  constructor(
    private readonly dataSource: DataSource,
    private readonly limits: SignInLimits,
    private readonly tokens: AccessTokens,
    @Inject(SERVICE_CONFIG) private readonly config: GatewayConfig,
  ) {}

  /**
   * @param network where the request comes from, as failures are counted by
   * @throws InvalidCredentials, TooManySignIns
   */
  async execute(email: string, password: string, network: string): Promise<Session> {
    const address = emailKey(email);
    const account = await this.#turns.take(address, () => this.#authenticate(address, password, network));
    const expiresIn = this.config.WARREN_TOKEN_SECONDS;
    return { accessToken: await this.tokens.issue(account.id, expiresIn), expiresIn };
  }

  async #authenticate(address: string, password: string, network: string): Promise<Account> {
    const attempt = await this.limits.begin(address, network);
    const account = await this.dataSource.manager.findOneBy(Account, { emailKey: address });
    if (!(await passwordMatches(password, account?.passwordHash)) || !account) throw new InvalidCredentials();
    await this.limits.succeed(attempt);
    return account;
  }
}
