// Loaded into every service (`node --import`): stack traces name lines of the TypeScript that people read. Only for
// our own code; `--enable-source-maps` would also read the maps of every dependency, which takes 0.4 s at each start.
import { setSourceMapsSupport } from 'node:module';

setSourceMapsSupport(true, { nodeModules: false });
