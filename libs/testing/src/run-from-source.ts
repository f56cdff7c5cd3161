import { fileURLToPath } from 'node:url';

/**
 * Arguments with which `node` runs a TypeScript file of this workspace and the libraries that it imports from their
 * source, decorators and their metadata included: `spawn(process.execPath, [...RUN_FROM_SOURCE, file])`.
 */
export const RUN_FROM_SOURCE: readonly string[] = [
  '--conditions=@warren/source',
  '--import',
  // Only the source has it; the compiler copies no JavaScript.
  fileURLToPath(new URL('../src/typescript-hooks.mjs', import.meta.url)),
];
