import type { MigrationInterface, QueryRunner } from 'typeorm';

/** SKU, name, price in euro cents, pieces. */
const CATALOGUE: readonly (readonly [string, string, number, number])[] = [
  ['SKU-TEAPOT', 'Teapot, stoneware, 1.2 l', 2450, 50_000],
  ['SKU-TEACUP', 'Tea cup with saucer, stoneware', 980, 80_000],
  ['SKU-ASSAM-250', 'Assam black tea, loose, 250 g', 1290, 40_000],
  ['SKU-SENCHA-100', 'Sencha green tea, loose, 100 g', 1150, 40_000],
  ['SKU-ROOIBOS-200', 'Rooibos tea, loose, 200 g', 890, 40_000],
  ['SKU-TEA-STRAINER', 'Tea strainer, stainless steel', 640, 30_000],
  ['SKU-KETTLE', 'Electric kettle with temperature control, 1.5 l', 5990, 20_000],
  ['SKU-FRENCH-PRESS', 'French press, borosilicate glass, 1 l', 3490, 20_000],
  ['SKU-MOKA-POT', 'Moka pot for six cups, aluminium', 2990, 20_000],
  ['SKU-COFFEE-GRINDER', 'Coffee grinder, hand-cranked, ceramic burr', 4790, 15_000],
  ['SKU-ESPRESSO-1000', 'Espresso beans, dark roast, 1 kg', 1890, 60_000],
  ['SKU-FILTER-PAPER', 'Coffee filter papers, size 4, pack of 100', 320, 100_000],
  ['SKU-MUG-BLUE', 'Mug, enamel, blue, 350 ml', 790, 60_000],
  ['SKU-MUG-WHITE', 'Mug, enamel, white, 350 ml', 790, 60_000],
  ['SKU-MILK-JUG', 'Milk jug, stainless steel, 600 ml', 1690, 20_000],
  ['SKU-SUGAR-BOWL', 'Sugar bowl with lid, stoneware', 1390, 20_000],
  ['SKU-HONEY-500', 'Linden blossom honey, 500 g', 850, 30_000],
  ['SKU-SHORTBREAD', 'Butter shortbread fingers, 400 g', 690, 50_000],
  ['SKU-CAKE-STAND', 'Cake stand, three tiers, porcelain', 4490, 10_000],
  ['SKU-BREAD-KNIFE', 'Bread knife, serrated, 22 cm', 3290, 15_000],
  ['SKU-CUTTING-BOARD', 'Cutting board, oak, 40 x 25 cm', 2790, 15_000],
  ['SKU-TEA-TOWEL', 'Tea towels, linen, set of three', 1990, 40_000],
  ['SKU-TRAY', 'Serving tray, birch, 45 x 30 cm', 2290, 20_000],
  ['SKU-THERMOS', 'Vacuum flask, stainless steel, 750 ml', 3190, 25_000],
  // Kept empty, so that everybody can see what happens to an order that can't be placed.
  ['SKU-SOLD-OUT', 'Samovar, brass, 3 l', 24900, 0],
];

export class SeedCatalogue1767225600001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `WITH seed AS (
         SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::integer[])
                         AS seed (sku, name, unit_price, available)
       ), product AS (
         INSERT INTO products (sku, name, unit_price, currency)
         SELECT sku, name, unit_price, 'EUR' FROM seed
       )
       INSERT INTO stock (sku, available) SELECT sku, available FROM seed`,
      [0, 1, 2, 3].map((column) => CATALOGUE.map((product) => product[column])),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DELETE FROM stock');
    await runner.query('DELETE FROM products');
  }
}
