import { Injectable } from '@nestjs/common';
import { UserRegisteredV1 } from '@warren/contracts';
import { Outbox } from '@warren/messaging';
import { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { hashPassword } from '../credentials/passwords.ts';
import { Account, emailKey } from '../storage/account.entity.ts';

export interface NewUser {
  email: string;
  displayName: string;
  password: string;
}

/** There is an account with this address, however it is typed. */
export class EmailTaken extends Error {
  override readonly name = 'EmailTaken';
  constructor() {
    super('an account with this address exists');
  }
}

/** Makes an account and tells of it. */
@Injectable()
export class RegisterUser {
  constructor(
    private readonly dataSource: DataSource,
    private readonly outbox: Outbox,
  ) {}

  /** @throws EmailTaken */
  async execute({ email, displayName, password }: NewUser): Promise<Account> {
    // Before the transaction: hashing takes as long as many transactions.
    const passwordHash = await hashPassword(password);
    const account: Account = {
      id: uuidv7(),
      email,
      emailKey: emailKey(email),
      displayName,
      passwordHash,
      createdAt: new Date(),
    };
    await this.dataSource.transaction(async (tx) => {
      const inserted = await tx
        .createQueryBuilder()
        .insert()
        .into(Account)
        .values(account)
        .orIgnore()
        .returning('id')
        .execute();
      if ((inserted.raw as unknown[]).length === 0) throw new EmailTaken();
      await this.outbox.append(tx, UserRegisteredV1, {
        subject: account.id,
        sequence: 1,
        data: { userId: account.id, email, displayName, registeredAt: account.createdAt.toISOString() },
      });
    });
    return account;
  }
}
