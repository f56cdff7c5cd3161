import { Type } from 'class-transformer';
import { IsArray, IsInt, IsObject, Length, Matches, Max, Min, ValidateNested } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { DefineReply, DefineRequest } from '../define-event.ts';
import { Money } from '../money.ts';
import { SKU_PATTERN } from './order-line.ts';

export class Product {
  @Length(1, 64)
  @Matches(SKU_PATTERN)
  @JSONSchema({ description: 'Stock keeping unit.' })
  sku!: string;

  @Length(1, 200)
  @JSONSchema({ description: 'Name of the product.' })
  name!: string;

  @IsObject()
  @ValidateNested()
  @Type(() => Money)
  @JSONSchema({ description: 'Price of one piece at this moment.' })
  unitPrice!: Money;

  @IsInt()
  @Min(0)
  @JSONSchema({ description: 'Number of pieces in stock at this moment.' })
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
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => Product)
  @JSONSchema({ description: 'Products in the order of their SKU.' })
  items!: Product[];
}

@DefineRequest<ListProductsV1>({
  type: 'product.list.v1',
  exchange: 'orders.commands',
  publishedBy: 'gateway',
  reply: ProductListV1,
  description: 'Asks for the catalogue with prices and stock.',
  example: { limit: 100 },
})
export class ListProductsV1 {
  @IsInt()
  @Min(1)
  @Max(1000)
  @JSONSchema({ description: 'The most products to return.' })
  limit!: number;
}
