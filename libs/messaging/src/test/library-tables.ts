import { createTestDatabase, type TestDatabase } from '@warren/testing';
import type { DataSource } from 'typeorm';
import { createDataSource } from '../database/data-source.ts';

/** A database of its own with the tables of the library, in the schema of a service that is not there. */
export class LibraryTables {
  readonly database: TestDatabase;
  readonly dataSource: DataSource;

  private constructor(database: TestDatabase, dataSource: DataSource) {
    this.database = database;
    this.dataSource = dataSource;
  }

  static async open(schema: string): Promise<LibraryTables> {
    const database = await createTestDatabase();
    const dataSource = createDataSource({ url: database.url, schema, entities: [], migrations: [] });
    await dataSource.initialize();
    await dataSource.query(`CREATE SCHEMA ${schema}`);
    await dataSource.runMigrations();
    return new LibraryTables(database, dataSource);
  }

  async close(): Promise<void> {
    await this.dataSource.destroy();
    await this.database.close();
  }
}
