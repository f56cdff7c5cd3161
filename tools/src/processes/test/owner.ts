/** Starts a process that would run for an hour, prints its id, and waits to be killed itself. */
import { startProcess } from '../managed-process.ts';

const [ignoresTerm] = process.argv.slice(2);
const child = await startProcess({
  command: '/bin/sh',
  args: ['-c', `${ignoresTerm === 'stubborn' ? "trap '' TERM;" : ''} while :; do sleep 3600 & wait; done`],
  output: { onLine: () => undefined },
  stop: [{ signal: 'SIGTERM', patienceMs: 1_000 }],
});
console.log(child.pid);
setInterval(() => undefined, 60_000);
