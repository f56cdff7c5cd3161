import type { Lab, LabService } from './lab.ts';
import type { Program } from './program.ts';
import type { PaymentProviderMethods } from './programs/payment-provider.ts';

export const SCHEMA = 'order_service';

/** What order-service needs around it: a virtual host, a database with its schema, and a payment provider. */
export class OrderSurroundings {
  readonly amqpUrl: string;
  readonly databaseUrl: string;
  readonly provider: Program<PaymentProviderMethods>;
  readonly #providerUrl: string;

  private constructor(
    amqpUrl: string,
    databaseUrl: string,
    provider: Program<PaymentProviderMethods>,
    providerUrl: string,
  ) {
    this.amqpUrl = amqpUrl;
    this.databaseUrl = databaseUrl;
    this.provider = provider;
    this.#providerUrl = providerUrl;
  }

  static async open(lab: Lab, label: string): Promise<OrderSurroundings> {
    const [amqpUrl, databaseUrl] = [await lab.createVhost(), await lab.createDatabase()];
    await lab.onDatabase(databaseUrl, (client) => client.query(`CREATE SCHEMA ${SCHEMA}`));
    const provider = lab.start<PaymentProviderMethods>({ name: 'payment-provider', label });
    return new OrderSurroundings(amqpUrl, databaseUrl, provider, await provider.call('open', undefined));
  }

  /** Starts a replica of order-service, and waits until it is ready. */
  startReplica(lab: Lab, environment: Record<string, string> = {}): Promise<LabService> {
    return lab.startService('order-service', {
      WARREN_AMQP_URL: this.amqpUrl,
      WARREN_DATABASE_URL: this.databaseUrl,
      WARREN_LOG_LEVEL: 'error',
      WARREN_PAYMENT_PROVIDER: 'http',
      WARREN_PAYMENT_URL: this.#providerUrl,
      WARREN_PAYMENT_API_KEY: 'key-of-the-bench',
      WARREN_PAYMENT_TIMEOUT_MS: '60000',
      WARREN_PAYMENT_DEADLINE: '1h',
      ...environment,
    });
  }
}
