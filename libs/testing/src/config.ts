/** Addresses of the servers that tests share. Each carries an administrator's credentials. */
export interface TestServers {
  /** AMQP URL of the broker; its path (the virtual host) is not used. */
  amqpUrl: string;
  /** HTTP URL of the broker's management API. */
  managementUrl: string;
  /** PostgreSQL URL of a superuser. */
  databaseUrl: string;
}

function required(name: string, scheme: RegExp): string {
  const value = process.env[name];
  if (!value) {
    throw new Error(
      `${name} is not set. Tests need a real RabbitMQ and PostgreSQL: set it to the address of yours, as an administrator ` +
        'reaches it. In the repository of Warren, "npm test -- <path>" starts both and sets it.',
    );
  }
  if (!URL.canParse(value) || !scheme.test(new URL(value).protocol)) {
    throw new Error(`${name} is not a URL of the expected kind (${scheme.source}): check what set it`);
  }
  return value;
}

/** @throws Error naming the first variable that is missing, and what to set it to. */
export function testServers(): TestServers {
  return {
    amqpUrl: required('WARREN_TEST_AMQP_URL', /^amqps?:$/),
    managementUrl: required('WARREN_TEST_AMQP_MANAGEMENT_URL', /^https?:$/),
    databaseUrl: required('WARREN_TEST_DATABASE_URL', /^postgres(ql)?:$/),
  };
}
