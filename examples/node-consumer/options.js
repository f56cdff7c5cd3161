import { parseArgs } from 'node:util';

const USAGE = `Usage: node consumer.js [options]

Keeps a list of Warren's customers and how their orders went, from its events alone.

  --amqp-url <url>    broker, as guest-consumer; nodes of a cluster separated by commas.
                      Default: $WARREN_AMQP_URL, where others can't read its password
  --gateway <url>     where schemas are served. Default: $WARREN_GATEWAY_URL, or http://127.0.0.1:7080
  --database <file>   Default: customers.sqlite
  --queue <name>      a queue of your own, guest-consumer.<purpose>; two programs with one queue share its
                      messages. Default: guest-consumer.customers
  --report            print the list as JSON and end
  --help              print this and end

SIGTERM or Ctrl-C stops it. It ends with 0 when it was stopped, 1 when it can't work, 2 when it is called wrongly.`;

/** Reads the command line; ends the process where there is nothing more to do. */
export function readOptions() {
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        'amqp-url': { type: 'string', default: process.env.WARREN_AMQP_URL ?? '' },
        gateway: { type: 'string', default: process.env.WARREN_GATEWAY_URL || 'http://127.0.0.1:7080' },
        database: { type: 'string', default: 'customers.sqlite' },
        queue: { type: 'string', default: 'guest-consumer.customers' },
        report: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }));
  } catch (error) {
    return refuse(error.message);
  }
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  const { database, queue, report } = values;
  const gateway = values.gateway.replace(/\/+$/, '');
  const brokers = values['amqp-url'].split(',').map((url) => url.trim());
  if (!report) {
    if (!isUrl(gateway, ['http:', 'https:'])) return refuse('--gateway must begin with http:// or https://');
    if (!/^guest-consumer\..{1,185}$/.test(queue)) {
      return refuse('--queue must be named guest-consumer.<purpose>: others may not be made by outsiders');
    }
    if (values['amqp-url'] === '') {
      return refuse(
        'name the broker: set WARREN_AMQP_URL, for example from .warren/credentials/guest-consumer.env',
      );
    }
    if (!brokers.every((url) => isUrl(url, ['amqp:', 'amqps:']))) {
      return refuse("the broker's URL must look like amqp://user:password@host:5672/vhost");
    }
  }
  return { brokers, gateway, database, queue, report };
}

function isUrl(text, protocols) {
  return protocols.includes(URL.parse(text)?.protocol ?? '');
}

function refuse(what) {
  console.error(`${what}\n\n${USAGE}`);
  return process.exit(2);
}
