import { Inject, Injectable } from '@nestjs/common';
import { ListProductsV1, ProductListV1, type Product } from '@warren/contracts';
import { Requests } from '@warren/messaging';
import { SERVICE_CONFIG } from '@warren/service';
import type { GatewayConfig } from '../config.ts';

/** The most that the contract lets one ask for. */
const LIMIT = 1000;

/** Asks order-service for its catalogue. The only query that needs another service to be up. */
@Injectable()
export class ListProducts {
  constructor(
    private readonly requests: Requests,
    @Inject(SERVICE_CONFIG) private readonly config: GatewayConfig,
  ) {}

  /** @throws DependencyUnavailable when there is no answer in time */
  async execute(): Promise<Product[]> {
    const { items } = await this.requests.ask(
      ListProductsV1,
      { limit: LIMIT },
      { reply: ProductListV1, timeoutMs: this.config.WARREN_PRODUCTS_TIMEOUT_MS },
    );
    return items;
  }
}
