import { join } from 'node:path';
import type { Passwords } from '../provision/passwords.ts';
import type { ServiceName } from '../provision/rights.ts';

/** The payment provider of a system on this machine: a program beside the services, and none of them. */
export const PAYMENT_SANDBOX = 'payment-sandbox';

/** What has a process of its own that is built here. */
export type ProgramName = ServiceName | typeof PAYMENT_SANDBOX;

/** What provider and services know of each other. */
export interface PaymentSecrets {
  /** Lets order-service in, and whoever sets faults. */
  apiKey: string;
  /** Signs callbacks to the gateway: `whsec_…`, as Standard Webhooks writes it. */
  callbackSecret: string;
}

export function paymentSecrets(passwords: Passwords): PaymentSecrets {
  return {
    apiKey: passwords('payment-provider'),
    callbackSecret: `whsec_${Buffer.from(passwords('payment-callbacks')).toString('base64')}`,
  };
}

export interface PaymentPlaces extends PaymentSecrets {
  sandboxUrl: string;
  gatewayUrl: string;
}

/** The variables of the sandbox itself. */
export function sandboxEnvironment(
  { apiKey, callbackSecret, gatewayUrl }: PaymentPlaces,
  directory: string,
): Record<string, string> {
  return {
    WARREN_SANDBOX_API_KEY: apiKey,
    WARREN_SANDBOX_CALLBACK_URL: `${gatewayUrl}/v1/payment-callbacks`,
    WARREN_SANDBOX_CALLBACK_SECRET: callbackSecret,
    WARREN_SANDBOX_DIRECTORY: join(directory, 'payments'),
  };
}

/** What the services that have to do with payments are told of the sandbox. Each gets its own secret and no other. */
export function paymentEnvironment(
  service: ServiceName,
  { apiKey, callbackSecret, sandboxUrl }: PaymentPlaces,
): Record<string, string> {
  switch (service) {
    case 'gateway':
      return { WARREN_PAYMENT_PROVIDER: 'sandbox', WARREN_PAYMENT_CALLBACK_SECRETS: callbackSecret };
    case 'order-service':
      return {
        WARREN_PAYMENT_PROVIDER: 'sandbox',
        WARREN_PAYMENT_URL: sandboxUrl,
        WARREN_PAYMENT_API_KEY: apiKey,
      };
    default:
      return {};
  }
}
