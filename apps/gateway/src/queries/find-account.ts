import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Account } from '../storage/account.entity.ts';

@Injectable()
export class FindAccount {
  constructor(private readonly dataSource: DataSource) {}

  async execute(id: string): Promise<Account | undefined> {
    return (await this.dataSource.manager.findOneBy(Account, { id })) ?? undefined;
  }
}
