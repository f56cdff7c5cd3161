/** class-transformer publishes no types for this file of its own. */
declare module 'class-transformer/cjs/storage.js' {
  interface TypeMetadata {
    typeFunction(): new () => object;
  }
  export const defaultMetadataStorage: {
    findTypeMetadata(target: new () => object, property: string): TypeMetadata | undefined;
  };
}
