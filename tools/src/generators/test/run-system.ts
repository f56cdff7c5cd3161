import { deprovision } from '../../provision/provision.ts';
import { startSystem, type SystemOptions } from '../../system/start-system.ts';

/**
 * Starts the system of the repository that this file lies in, says where it is, and takes it down again when asked to:
 * as a process, because a copy of the repository has its own list of services.
 *
 *     node run-system.ts <options as JSON>
 */
const options = JSON.parse(process.argv[2] ?? '') as SystemOptions;
const system = await startSystem({
  ...options,
  onLine: (service, line) => console.error(`${service}: ${line}`),
  tell: (message) => console.error(message),
}).catch(async (error: unknown) => {
  await deprovision(options);
  throw error;
});
process.once('SIGTERM', () => {
  void system
    .stop()
    .then(() => deprovision(options))
    .then(() => process.exit(0));
});
console.log(JSON.stringify(system.endpoints));
