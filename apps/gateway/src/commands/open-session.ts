import { Inject, Injectable } from '@nestjs/common';
import { SERVICE_CONFIG } from '@warren/service';
import { DataSource } from 'typeorm';
import type { GatewayConfig } from '../config.ts';
import { AccessTokens } from '../credentials/access-tokens.ts';
import { passwordMatches } from '../credentials/passwords.ts';
import { Account, emailKey } from '../storage/account.entity.ts';

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

/** Exchanges an address and a password for an access token. */
@Injectable()
export class OpenSession {
  constructor(
    private readonly dataSource: DataSource,
    private readonly tokens: AccessTokens,
    @Inject(SERVICE_CONFIG) private readonly config: GatewayConfig,
  ) {}

  /** @throws InvalidCredentials */
  async execute(email: string, password: string): Promise<Session> {
    const account = await this.dataSource.manager.findOneBy(Account, { emailKey: emailKey(email) });
    if (!(await passwordMatches(password, account?.passwordHash)) || !account) throw new InvalidCredentials();
    const expiresIn = this.config.WARREN_TOKEN_SECONDS;
    return { accessToken: await this.tokens.issue(account.id, expiresIn), expiresIn };
  }
}
