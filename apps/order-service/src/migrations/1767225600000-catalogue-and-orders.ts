import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CatalogueAndOrders1767225600000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // The bound on the price keeps every total exact: 100 lines of 100,000 pieces at 900,000,000 minor units are
    // 9.0e15, and a JavaScript number is exact up to 9.007e15. COLLATE "C" makes the order of SKUs, in which stock
    // is locked and listed, the same on every server.
    await runner.query(`
      CREATE TABLE products (
        sku text COLLATE "C" PRIMARY KEY CHECK (length(sku) BETWEEN 1 AND 64),
        name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
        unit_price bigint NOT NULL CHECK (unit_price BETWEEN 0 AND 900000000),
        currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$')
      )`);

    // A table of its own, narrow and with most of each page left free, because its rows change with every order:
    // the new version of a row then fits beside the old one and no index has to follow.
    await runner.query(`
      CREATE TABLE stock (
        sku text COLLATE "C" PRIMARY KEY REFERENCES products,
        available integer NOT NULL CHECK (available >= 0)
      ) WITH (fillfactor = 20)`);

    await runner.query(`
      CREATE TABLE orders (
        id uuid PRIMARY KEY,
        customer_id uuid NOT NULL,
        status text NOT NULL CHECK (status IN ('placed', 'confirmed', 'rejected')),
        version integer NOT NULL CHECK (version >= 1),
        total bigint CHECK (total >= 0),
        currency text,
        rejection_reason text CHECK (rejection_reason IN ('unknown-sku', 'insufficient-stock')),
        rejection_sku text,
        accepted_at timestamptz NOT NULL,
        placed_at timestamptz,
        confirmed_at timestamptz,
        rejected_at timestamptz,
        CHECK ((status = 'rejected') = (rejection_reason IS NOT NULL AND rejection_sku IS NOT NULL
                                        AND rejected_at IS NOT NULL)),
        CHECK ((status <> 'rejected') = (total IS NOT NULL AND currency IS NOT NULL AND placed_at IS NOT NULL)),
        CHECK ((status = 'confirmed') = (confirmed_at IS NOT NULL))
      )`);

    // No reference to products: a line keeps the name and the price it was ordered with, also when the product is
    // gone, and a rejected order may name a SKU that never was.
    await runner.query(`
      CREATE TABLE order_lines (
        order_id uuid NOT NULL REFERENCES orders ON DELETE CASCADE,
        position smallint NOT NULL,
        sku text NOT NULL,
        quantity integer NOT NULL CHECK (quantity >= 1),
        name text,
        unit_price bigint CHECK (unit_price >= 0),
        PRIMARY KEY (order_id, position),
        CHECK ((name IS NULL) = (unit_price IS NULL))
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE order_lines, orders, stock, products');
  }
}
