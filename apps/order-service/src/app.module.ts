import { Module } from '@nestjs/common';
import { defineService } from '@warren/service';
import { PlaceOrder } from './commands/place-order.ts';
import { CatalogueAndOrders1767225600000 } from './migrations/1767225600000-catalogue-and-orders.ts';
import { SeedCatalogue1767225600001 } from './migrations/1767225600001-seed-catalogue.ts';
import { ListProducts } from './queries/list-products.ts';
import { topology } from './topology.ts';

@Module({ controllers: [PlaceOrder, ListProducts] })
class OrderServiceModule {}

export const orderService = defineService({
  name: 'order-service',
  description: 'Catalogue, stock and orders',
  defaultPort: 7081,
  topology,
  entities: [],
  migrations: [CatalogueAndOrders1767225600000, SeedCatalogue1767225600001],
  module: () => OrderServiceModule,
  readiness: 'consumers',
});
