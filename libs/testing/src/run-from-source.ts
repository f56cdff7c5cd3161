import { fileURLToPath } from 'node:url';

/**
 * Arguments with which `node` runs a TypeScript file of this workspace and the libraries that it imports from their
 * source, decorators and their metadata included: `spawn(process.execPath, [...RUN_FROM_SOURCE, file])`. For the tests of
 * this workspace alone: it is no part of the package.
 */
export const RUN_FROM_SOURCE: readonly string[] = [
  '--conditions=@warren/source',
  '--import',
  fileURLToPath(new URL('typescript-hooks.mjs', import.meta.url)),
];
