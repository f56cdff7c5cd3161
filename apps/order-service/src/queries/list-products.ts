import { Controller } from '@nestjs/common';
import { ListProductsV1, ProductListV1 } from '@warren/contracts';
import { AnswerRequest } from '@warren/messaging';
import { DataSource } from 'typeorm';
import { listOffers } from '../storage/stock-on-hand.ts';

/** Answers with the catalogue as it is at this moment. */
@Controller()
export class ListProducts {
  constructor(private readonly dataSource: DataSource) {}

  @AnswerRequest(ListProductsV1)
  async answer({ limit }: ListProductsV1): Promise<ProductListV1> {
    return { items: await listOffers(this.dataSource.manager, limit) };
  }
}
