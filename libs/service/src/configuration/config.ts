import {
  bool,
  cleanEnv,
  EnvMissingError,
  host,
  type OptionalValidatorSpec,
  type RequiredValidatorSpec,
} from 'envalid';
import { LOG_FORMATS, LOG_LEVELS } from '@warren/observability';
import { integer, oneOf, urlOf, urlsOf, type EnvironmentSpecs } from './variable.ts';

/** Token by which the configuration of the service is injected. */
export const SERVICE_CONFIG = Symbol('SERVICE_CONFIG');

/** What the background jobs of a service need, where the environment says nothing else. */
export interface JobDefaults {
  /** WARREN_JOB_CONCURRENCY. Default 8. */
  concurrency?: number;
  /** WARREN_JOB_LEASE_SECONDS. Default 30. */
  leaseSeconds?: number;
  /** WARREN_JOB_RETENTION_DAYS. Default 7. */
  retentionDays?: number;
}

/** The variables that every service has. */
export function commonSpecs(defaultPort: number, jobs: JobDefaults = {}) {
  return {
    WARREN_DATABASE_URL: urlOf(['postgres', 'postgresql'], {
      desc: "PostgreSQL, as the service's own role",
      example: 'postgres://order_service:password@127.0.0.1:5432/warren',
    }),
    WARREN_DATABASE_POOL_SIZE: integer({
      min: 2,
      max: 1000,
      default: 20,
      desc: 'Connections to PostgreSQL at most',
    }),
    WARREN_AMQP_URL: urlsOf(['amqp', 'amqps'], {
      desc: "RabbitMQ, as the service's own user; several nodes of a cluster separated by commas",
      example: 'amqp://order-service:password@127.0.0.1:5672/warren',
    }),
    WARREN_HTTP_HOST: host({ default: '127.0.0.1', desc: 'Address to listen on; 0.0.0.0 for all' }),
    WARREN_HTTP_PORT: integer({
      min: 0,
      max: 65535,
      default: defaultPort,
      desc: 'Port to listen on; 0 for any',
    }),
    WARREN_LOG_LEVEL: oneOf(LOG_LEVELS, { default: 'info', desc: 'Least important lines that are written' }),
    WARREN_LOG_FORMAT: oneOf(LOG_FORMATS, { default: 'json', desc: 'json for machines, pretty for people' }),
    WARREN_SCHEMA_BASE_URL: urlOf(['http', 'https'], {
      default: 'http://127.0.0.1:7080/schemas',
      desc: 'Where the JSON Schemas of events are published; stands in every message',
    }),
    WARREN_SHUTDOWN_SECONDS: integer({
      min: 1,
      max: 3600,
      default: 20,
      desc: 'Time to finish work in hand after SIGTERM, in seconds',
    }),
    WARREN_MIGRATE: bool({
      default: true,
      desc: 'Whether serve brings the schema up to date; if not, it waits until "migrate" was run',
    }),
    WARREN_JOB_CONCURRENCY: integer({
      min: 1,
      max: 1000,
      default: jobs.concurrency ?? 8,
      desc: 'Background jobs that one process runs at once; one in a transaction takes a connection of the pool',
    }),
    WARREN_JOB_LEASE_SECONDS: integer({
      min: 1,
      max: 3600,
      default: jobs.leaseSeconds ?? 30,
      desc: 'Time after which the jobs of a process that is not heard of are taken up by another, in seconds',
    }),
    WARREN_JOB_RETENTION_DAYS: integer({
      min: 0,
      max: 3650,
      default: jobs.retentionDays ?? 7,
      desc: 'How long jobs that are done are kept, in days',
    }),
  };
}

/** The variables of a service that readily accepts work while the broker is away. */
export function outboxSpecs() {
  return {
    WARREN_OUTBOX_LIMIT: integer({
      min: 1,
      max: 1_000_000,
      default: 100_000,
      desc: 'Messages that may wait in the outbox before the service counts as not ready',
    }),
  };
}

type ValuesOf<S> = {
  [K in keyof S]: S[K] extends OptionalValidatorSpec<infer T>
    ? T | undefined
    : S[K] extends RequiredValidatorSpec<infer T>
      ? T
      : never;
};

type CommonConfig = ValuesOf<ReturnType<typeof commonSpecs>> &
  Partial<ValuesOf<ReturnType<typeof outboxSpecs>>>;

/** Every variable under its own name, parsed, with defaults filled in: `config.WARREN_HTTP_PORT`. */
export type ServiceConfig<Specs extends EnvironmentSpecs = {}> = Readonly<CommonConfig & ValuesOf<Specs>>;

/** Variables that are missing or wrong, all of them. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  constructor(
    readonly service: string,
    readonly problems: readonly { variable: string; problem: string }[],
  ) {
    const width = Math.max(...problems.map(({ variable }) => variable.length));
    const count =
      problems.length === 1 ? 'an environment variable is' : `${problems.length} environment variables are`;
    super(
      [
        `${service} cannot start: ${count} missing or wrong.`,
        ...problems.map(({ variable, problem }) => `  ${variable.padEnd(width)}  ${problem}`),
        'Run it with --help to see all variables.',
      ].join('\n'),
    );
  }
}

function missing({ desc, example }: EnvironmentSpecs[string]): string {
  return `is missing: ${desc ?? 'no description'}${example ? `, for example ${example}` : ''}`;
}

/**
 * Reads and validates the environment, once.
 *
 * @param environment a variable that is set to the empty string counts as not set.
 * @throws ConfigurationError that names everything that is wrong.
 */
export function readConfig<Specs extends EnvironmentSpecs>(
  service: string,
  specs: Specs,
  environment: Readonly<Record<string, string | undefined>>,
): ServiceConfig<Specs> {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const cleaned = cleanEnv(given, specs, {
    reporter: ({ errors }) => {
      const problems = Object.entries(errors).map(([variable, error]) => ({
        variable,
        problem:
          error instanceof EnvMissingError ? missing(specs[variable]!) : String((error as Error).message),
      }));
      if (problems.length > 0) throw new ConfigurationError(service, problems);
    },
  }) as Record<string, unknown>;
  return Object.freeze(
    Object.fromEntries(Object.keys(specs).map((name) => [name, cleaned[name]])),
  ) as unknown as ServiceConfig<Specs>;
}

/** The environment of this process: the one place where it is looked at. */
export function processEnvironment(): Readonly<Record<string, string | undefined>> {
  return process.env;
}
