/** class-transformer publishes no types for this file of its own. */
declare module 'class-transformer/cjs/storage.js' {
  interface SubType {
    name: string;
    value: new () => object;
  }
  interface TypeMetadata {
    typeFunction(): new () => object;
    options: {
      keepDiscriminatorProperty?: boolean;
      discriminator?: { property: string; subTypes: SubType[] };
    };
  }
  export const defaultMetadataStorage: {
    findTypeMetadata(target: new () => object, property: string): TypeMetadata | undefined;
    findExposeMetadata(target: new () => object, property: string): object | undefined;
    findExcludeMetadata(target: new () => object, property: string): object | undefined;
    /** @param type 0 is from plain objects to classes */
    findTransformMetadatas(target: new () => object, property: string, type: 0): readonly object[];
  };
}
