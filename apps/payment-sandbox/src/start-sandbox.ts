import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { NestLogger, Readiness, type createLogger } from '@warren/observability';
import { AppModule } from './app.module.ts';
import { Outcomes } from './callbacks/outcomes.ts';
import { ConfigurationError, NAME, type SandboxConfig } from './config.ts';
import { createHttpAdapter } from './http/http-server.ts';
import { Database } from './storage/database.ts';

/** How long requests in hand have when it stops. */
const REQUESTS_PATIENCE_MS = 5_000;

export interface RunningSandbox {
  /** Ends gracefully: requests in hand are answered, then callbacks in hand are awaited for some seconds. */
  stop(): Promise<void>;
}

/** @throws ConfigurationError when the port is taken or the directory can't be used. */
export async function startSandbox(
  config: SandboxConfig,
  logger: ReturnType<typeof createLogger>,
): Promise<RunningSandbox> {
  const database = new Database(config.WARREN_SANDBOX_DIRECTORY);
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.on(config, logger, database),
    createHttpAdapter(),
    { bufferLogs: true, abortOnError: false },
  );
  app.useLogger(app.get(NestLogger));
  await listen(app, config);
  const outcomes = app.get(Outcomes);
  outcomes.wake();
  const { port } = app.getHttpServer().address() as AddressInfo;
  logger.info(`${NAME} listens on http://${config.WARREN_HTTP_HOST}:${port}`);
  return {
    async stop() {
      app.get(Readiness).beginStop();
      await closeServer(app);
      await outcomes.stop();
      await app.close();
      database.close();
    },
  };
}

async function listen(app: NestFastifyApplication, config: SandboxConfig): Promise<void> {
  const { WARREN_HTTP_HOST: host, WARREN_HTTP_PORT: port } = config;
  try {
    await app.listen(port, host);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code !== 'EADDRINUSE' && code !== 'EADDRNOTAVAIL' && code !== 'EACCES') throw error;
    const problem = `${port} can not be had on ${host} (${code})`;
    throw new ConfigurationError([{ variable: 'WARREN_HTTP_PORT', problem }]);
  }
}

async function closeServer(app: NestFastifyApplication): Promise<void> {
  const server = app.getHttpServer();
  const cut = setTimeout(() => server.closeAllConnections(), REQUESTS_PATIENCE_MS);
  // Closing a server ends the connections that are idle at that moment, not those that become idle later.
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  try {
    await app.getHttpAdapter().close();
    if (server.listening) await once(server, 'close');
  } finally {
    clearTimeout(cut);
    clearInterval(sweep);
  }
}
