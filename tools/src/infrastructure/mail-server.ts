import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startProcess, type ProcessExit } from '../processes/managed-process.ts';

export interface MailServerOptions {
  /** Holds the mails, which are there again after the next start, and a log. */
  directory: string;
  ports: { smtp: number; web: number };
}

export interface MailServer {
  /** For example smtp://127.0.0.1:7025 */
  readonly smtpUrl: string;
  /** The inbox for people; programs ask `/api/email` below it. */
  readonly inboxUrl: string;
  readonly pid: number;
  readonly exited: Promise<ProcessExit>;
  kill(signal: NodeJS.Signals): void;
  stop(): Promise<void>;
}

/** Older mails are dropped beyond this number. */
const KEPT_MAILS = 10_000;
const START_DEADLINE_MS = 120_000;

/**
 * Starts MailDev: a real SMTP server that delivers to an inbox on this machine and nowhere else.
 *
 * @throws when it does not come up, for example because a port is taken.
 */
export async function startMailServer(options: MailServerOptions): Promise<MailServer> {
  const { directory } = options;
  const mails = join(directory, 'mails');
  await mkdir(mails, { recursive: true });
  // It looks for its configuration upwards from where it is started; this one stops the search.
  await writeFile(join(directory, '.maildevrc.json'), '{}\n');
  const { smtp, web } = options.ports;
  const server = await startProcess({
    command: process.execPath,
    args: [
      findProgram(),
      ...['--ip', '127.0.0.1', '--smtp', String(smtp), '--web-ip', '127.0.0.1', '--web', String(web)],
      ...['--mail-directory', mails, '--max-emails', String(KEPT_MAILS)],
      // Its certificate is self-signed, and clients that check certificates would rather not deliver.
      ...['--hide-extensions', 'STARTTLS'],
    ],
    cwd: directory,
    output: { file: join(directory, 'maildev.log') },
    stop: [
      { signal: 'SIGTERM', patienceMs: 5_000 },
      { signal: 'SIGKILL', patienceMs: 5_000 },
    ],
  });
  const inboxUrl = `http://127.0.0.1:${web}`;
  const deadline = Date.now() + START_DEADLINE_MS;
  while (!(await isHealthy(inboxUrl))) {
    if (server.exit || Date.now() > deadline) {
      await server.stop();
      throw new Error(`The mail server did not start. Its log is ${join(directory, 'maildev.log')}`);
    }
    await Promise.race([delay(50), server.exited]);
  }
  return {
    smtpUrl: `smtp://127.0.0.1:${smtp}`,
    inboxUrl,
    pid: server.pid,
    exited: server.exited,
    kill: (signal) => server.kill(signal),
    async stop() {
      await server.stop();
    },
  };
}

function findProgram(): string {
  const require = createRequire(import.meta.url);
  // The package exports nothing but its main file, for `import` alone.
  const found =
    require.resolve.paths('maildev')?.map((directory) => join(directory, 'maildev/package.json')) ?? [];
  for (const file of found) {
    try {
      const { bin } = require(file) as { bin: { maildev: string } };
      return join(dirname(file), bin.maildev);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  throw new Error('The npm package maildev is not installed: run npm ci');
}

async function isHealthy(inboxUrl: string): Promise<boolean> {
  try {
    return (await fetch(`${inboxUrl}/api/healthz`, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false;
  }
}
