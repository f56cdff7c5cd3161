/** Starts a PostgreSQL on the given directory, prints its process id and URL, and waits to be killed. */
import { startPostgres } from '../postgres.ts';

const [directory = ''] = process.argv.slice(2);
const server = await startPostgres({ directory, fsync: false });
console.log(JSON.stringify({ pid: server.pid, url: server.url }));
setInterval(() => undefined, 60_000);
