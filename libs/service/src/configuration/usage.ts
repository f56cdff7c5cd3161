import { typeOf, type EnvironmentSpecs } from './variable.ts';

export interface UsageOptions {
  name: string;
  description: string;
  specs: EnvironmentSpecs;
}

function defaultOf(spec: EnvironmentSpecs[string]): string {
  if (!('default' in spec)) return 'required';
  const value: unknown = spec.default;
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return 'optional';
  if (Array.isArray(value)) return `default ${value.join(',')}`;
  return `default ${typeof value === 'string' ? value : JSON.stringify(value)}`;
}

/** What `--help` prints: the commands, and every environment variable with its type, its default and its meaning. */
export function usage({ name, description, specs }: UsageOptions): string {
  const variables = Object.entries(specs).flatMap(([variable, spec]) => [
    `  ${variable}  (${typeOf(spec)}, ${defaultOf(spec)})`,
    `      ${spec.desc ?? ''}${spec.example ? `\n      for example ${spec.example}` : ''}`,
  ]);
  return `${name}: ${description}

Usage: node dist/main.js [command]

Commands:
  serve      run the service (this is what happens without a command)
  migrate    bring the database schema up to date, and exit
  declare    declare and bind the queues on the broker, waiting for the exchanges of others, and exit
  --help     show this

Environment variables:
${variables.join('\n')}

Exit codes: 0 stopped as asked, 1 failed, 64 unknown command, 78 wrong configuration.
`;
}
