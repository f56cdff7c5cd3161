import { redactLine } from '@warren/redaction';
import { destination, pino, stdSerializers, type DestinationStream, type Logger } from 'pino';
import { prettyFactory } from 'pino-pretty';

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** `json`: one object a line, for machines. `pretty`: for a person at a terminal. */
export const LOG_FORMATS = ['json', 'pretty'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

export interface LoggerOptions {
  /** Name of the service, on every line. */
  service: string;
  level: LogLevel;
  format: LogFormat;
  /** Fields that every line gets at the moment it is written, for example the correlation id of the current flow. */
  context?: () => object;
  /** Where lines go. Default: standard output, written at once, so that the last words before an exit are not lost. */
  stream?: DestinationStream;
}

/** Parameters of a failed SQL statement are rows of our tables: personal data, hashes of passwords. */
function describeError(error: Error): object {
  const { parameters, driverError, ...described } = stdSerializers.err(error) as unknown as Record<
    string,
    unknown
  >;
  return described;
}

/** The logger that everything in the process writes through. Secrets and mail addresses are taken out of every line. */
export function createLogger({ service, level, format, context, stream }: LoggerOptions): Logger {
  const output = stream ?? destination({ fd: 1, sync: true });
  const pretty =
    format === 'pretty'
      ? prettyFactory({
          colorize: process.stdout.isTTY === true,
          ignore: 'pid,hostname,service',
          singleLine: true,
        })
      : undefined;
  return pino(
    {
      level,
      base: { service },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
      hooks: { streamWrite: redactLine },
      ...(context && { mixin: context }),
    },
    pretty ? { write: (line) => output.write(pretty(line)) } : output,
  );
}
