import { Controller, Get, Header } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProperty, ApiTags } from '@nestjs/swagger';
import { ListProducts } from '../queries/list-products.ts';
import { ApiProblems } from './api-problems.ts';
import { SignedIn } from './bearer.guard.ts';
import { MoneyResponse } from './money.response.ts';

export class ProductResponse {
  @ApiProperty({ description: 'Stock keeping unit.', example: 'SKU-TEAPOT' })
  sku!: string;

  @ApiProperty({ description: 'Name of the product.', example: 'Teapot' })
  name!: string;

  @ApiProperty({ description: 'Price of one piece at this moment.', type: MoneyResponse })
  unitPrice!: MoneyResponse;

  @ApiProperty({ description: 'Pieces in stock at this moment.', type: 'integer', minimum: 0, example: 9998 })
  available!: number;
}

export class ProductListResponse {
  @ApiProperty({ type: [ProductResponse] })
  items!: ProductResponse[];
}

@ApiTags('Orders')
@Controller('v1/products')
@SignedIn()
export class ProductsController {
  constructor(private readonly listProducts: ListProducts) {}

  @Get()
  @Header('cache-control', 'no-store')
  @ApiOperation({
    summary: 'The catalogue',
    description:
      'Asked of order-service at this moment, unlike everything else; 503 when it does not answer in time.',
  })
  @ApiOkResponse({ type: ProductListResponse })
  @ApiProblems('unavailable')
  async list(): Promise<ProductListResponse> {
    return { items: await this.listProducts.execute() };
  }
}
