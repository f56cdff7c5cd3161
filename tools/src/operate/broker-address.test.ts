import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeEndpoints, type Endpoints } from '../system/endpoints.ts';
import { findBroker } from './broker-address.ts';
import { UsageError } from './exit-codes.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'warren-endpoints-'));
});
afterEach(() => rm(directory, { recursive: true }));

const file = () => join(directory, 'endpoints.json');
const environment = {
  WARREN_AMQP_URL: 'amqp://a:b@one:5672/live,amqp://a:b@two:5672/live',
  WARREN_AMQP_MANAGEMENT_URL: 'http://a:b@one:15672',
};

describe('the broker of a command', () => {
  it('is named by the options before all else', async () => {
    const options = { url: 'amqp://x:y@three', 'management-url': 'http://x:y@three:15672/' };
    expect(await findBroker(options, environment, file())).toEqual({
      brokerUrls: ['amqp://x:y@three/warren'],
      managementUrl: 'http://x:y@three:15672',
      vhost: 'warren',
      namedBy: 'the options',
    });
  });

  it('is named by the environment, with all nodes of a cluster', async () => {
    const { brokerUrls, vhost } = await findBroker({}, environment, file());
    expect(brokerUrls).toEqual(['amqp://a:b@one:5672/live', 'amqp://a:b@two:5672/live']);
    expect(vhost).toBe('live');
  });

  it('is that of the running system, when nobody names one', async () => {
    const running = {
      amqpAdmin: 'amqp://o:p@127.0.0.1:7672/warren',
      amqpManagement: 'http://o:p@127.0.0.1:7673',
    };
    await writeEndpoints(running as Endpoints, file());
    expect(await findBroker({}, {}, file())).toMatchObject({
      brokerUrls: [running.amqpAdmin],
      namedBy: '.warren/endpoints.json',
    });
  });

  it.each([
    ['nothing names one', {}, {}, /No broker is named, and no system runs here/],
    ['half of it is given', { url: 'amqp://x' }, {}, /go together/],
    ['half of it is in the environment', {}, { WARREN_AMQP_URL: 'amqp://x' }, /Set both WARREN_AMQP_URL and/],
    [
      'it is no address',
      { url: 'x', 'management-url': 'http://x' },
      {},
      /the options say about the broker can't be used: WARREN_AMQP_URL must be a URL/,
    ],
  ])('is asked for when %s', async (_what, options, env, problem) => {
    const finding = findBroker(options, env, file());
    await expect(finding).rejects.toThrow(problem);
    await expect(finding).rejects.toBeInstanceOf(UsageError);
  });
});
