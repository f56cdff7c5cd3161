import { startTestServers, type TestServers } from '../infrastructure/test-servers.ts';

declare global {
  var warrenTestServers: TestServers | undefined;
}

/** Once for each Jest run, before its workers are started: they inherit the environment. */
export default async function globalSetup(): Promise<void> {
  const servers = await startTestServers({ report: showProgress() });
  globalThis.warrenTestServers = servers;
  Object.assign(process.env, servers.environment);
}

/** One line for each step; the counting within a step only where it can be drawn over. */
function showProgress(): (message: string) => void {
  let last = '';
  return (message) => {
    const step = message.replace(/:.*$/s, '');
    if (step !== last) process.stderr.write(`${message}\n`);
    last = step;
  };
}
