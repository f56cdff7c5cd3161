import { IsInt, Matches, Max, Min } from 'class-validator';
import { Nested, NestedList } from '../constraints/nested.ts';
import { TextLength } from '../constraints/text-length.ts';
import { DefineReply, DefineRequest } from '../define-event.ts';
import { Describe } from '../describe.ts';
import { Money } from '../money.ts';
import { SKU_PATTERN } from './order-line.ts';

export class Product {
  @TextLength(1, 64)
  @Matches(SKU_PATTERN)
  @Describe('Stock keeping unit.')
  sku!: string;

  @TextLength(1, 200)
  @Describe('Name of the product.')
  name!: string;

  @Nested(() => Money)
  @Describe('Price of one piece at this moment.')
  unitPrice!: Money;

  @IsInt()
  @Min(0)
  @Describe('Stock at this moment.', { unit: 'pieces' })
  available!: number;
}

@DefineReply<ProductListV1>({
  type: 'product.listed.v1',
  publishedBy: 'order-service',
  description: 'The catalogue with prices and stock as they are at this moment.',
  example: {
    items: [
      {
        sku: 'SKU-TEAPOT',
        name: 'Teapot',
        unitPrice: { amount: 2450, currency: 'EUR' },
        available: 9998,
      },
    ],
  },
})
export class ProductListV1 {
  @NestedList(() => Product)
  @Describe('Products in the order of their SKU.')
  items!: Product[];
}

@DefineRequest<ListProductsV1>({
  type: 'product.list.v1',
  exchange: 'orders.commands',
  publishedBy: 'gateway',
  owner: 'order-service',
  reply: ProductListV1,
  description: 'Asks for the catalogue with prices and stock.',
  example: { limit: 100 },
})
export class ListProductsV1 {
  @IsInt()
  @Min(1)
  @Max(1000)
  @Describe('The most products to return.', { unit: 'products' })
  limit!: number;
}
