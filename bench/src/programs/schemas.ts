/** Where the schemas of the bench's messages would be published; stands in every message. */
export const SCHEMAS = 'http://127.0.0.1:7080/schemas';
