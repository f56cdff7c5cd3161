import { defineTopology } from '@warren/messaging';
import { str } from 'envalid';
import { defineService, schemaOf, topologyOf, type ServiceDefinition } from './define-service.ts';

class AppModule {}

const definition: ServiceDefinition = {
  name: 'thing-service',
  description: 'Makes things',
  defaultPort: 7099,
  topology: defineTopology({ service: 'thing-service' }),
  entities: [],
  migrations: [],
  module: () => AppModule,
  readiness: 'consumers',
};

describe('the definition of a service', () => {
  it('gives the schema its name with underscores', () => {
    expect(schemaOf(defineService(definition))).toBe('thing_service');
  });

  it.each(['ThingService', 'thing_service', '-thing', 'thing--service', ''])(
    'refuses the name "%s"',
    (name) => {
      expect(() => defineService({ ...definition, name })).toThrow(
        'must be named in lower case with hyphens',
      );
    },
  );

  it('refuses the topology of another service, also one that depends on the configuration', () => {
    const topology = defineTopology({ service: 'other-service' });
    const message = 'service "thing-service" has the topology of "other-service": give both the same name';
    expect(() => defineService({ ...definition, topology })).toThrow(message);
    const late = defineService({ ...definition, topology: () => topology });
    expect(() => topologyOf(late, {} as never)).toThrow(message);
  });

  it('refuses a variable that every service has already', () => {
    const environment = { WARREN_HTTP_PORT: str(), WARREN_OUTBOX_LIMIT: str() };
    expect(() => defineService({ ...definition, environment } as never)).toThrow(
      'describes WARREN_HTTP_PORT, WARREN_OUTBOX_LIMIT, which every service has already',
    );
  });
});
