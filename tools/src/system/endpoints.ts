import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LOCAL_DIRECTORY } from '../config.ts';
import type { ServiceName } from '../provision/rights.ts';

/** Where the parts of a running system are, with credentials in the URLs. */
export interface Endpoints {
  gateway: string;
  /** For outsiders that listen, as `guest-consumer`. */
  amqp: string;
  /** For outsiders that send orders, as `guest-producer`. */
  amqpProducer: string;
  /** For the operator, as an administrator. */
  amqpAdmin: string;
  amqpManagement: string;
  /** For the operator, as an administrator. */
  database: string;
  smtp: string;
  /** Null when mail goes to a server that was given without its inbox. */
  mailInbox: string | null;
  services: Record<ServiceName, { url: string; pid: number }>;
  /** The payment provider. With the key it is called, decides payments by hand and takes faults: apps/payment-sandbox. */
  paymentSandbox: { url: string; pid: number; apiKey: string };
}

export const ENDPOINTS_FILE = join(LOCAL_DIRECTORY, 'endpoints.json');

/** Replaces the file in one step: who reads it sees the old one or the new one, whole. */
export async function writeEndpoints(endpoints: Endpoints, file = ENDPOINTS_FILE): Promise<void> {
  await writeFile(`${file}.new`, `${JSON.stringify(endpoints, null, 2)}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

/** Undefined when no system has written any. */
export async function readEndpoints(file = ENDPOINTS_FILE): Promise<Endpoints | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return text === undefined ? undefined : (JSON.parse(text) as Endpoints);
}

export async function removeEndpoints(file = ENDPOINTS_FILE): Promise<void> {
  await rm(file, { force: true });
}
