import { dataSchemaOf, type Contract } from '@warren/contracts';
import type { Topology } from '@warren/messaging';
import { replyTypeOf, usersByType, type Users } from '../who-uses.ts';
import { DOCUMENT_SCHEMA_BASE_URL } from './asyncapi.ts';
import { exampleEnvelope } from './example-envelope.ts';
import { fieldRows } from './fields.ts';
import { supersededBy, type ReferenceSources } from './load-reference.ts';

/** The first line of every file of the catalogue. */
export const GENERATED =
  '<!-- Made by `npm run contracts -- docs` from contracts and topologies. Edit those. -->';

/** The catalogue in Markdown: the text of each file by its name. */
export function catalogue(sources: ReferenceSources): Map<string, string> {
  const { contracts, topologies } = sources;
  const users = usersByType(topologies, contracts);
  const superseded = supersededBy(contracts);
  const pages = contracts.map((contract) => {
    const page = pageOf(contract, sources, usersOf(users, contract), superseded.get(contract.type));
    return [`${contract.type}.md`, page] as const;
  });
  return new Map([['README.md', indexOf(contracts, users, superseded)], ...pages]);
}

const usersOf = (users: ReadonlyMap<string, Users>, { type }: Contract): Users =>
  users.get(type) ?? { publishes: [], consumes: [] };

function indexOf(
  contracts: readonly Contract[],
  users: ReadonlyMap<string, Users>,
  superseded: ReadonlyMap<string, string>,
): string {
  const rows = contracts.map((contract) => {
    const { type, kind, exchange, owner, description } = contract;
    const { publishes, consumes } = usersOf(users, contract);
    const replaced = superseded.get(type);
    const meaning =
      replaced === undefined ? description : `**Deprecated**, see ${linkTo(replaced)}. ${description}`;
    return [linkTo(type), kind, exchange && code(exchange), owner, list(publishes), list(consumes), meaning];
  });
  return joined([
    GENERATED,
    '# Messages',
    `Every message on RabbitMQ that others may build on. The same for programs: the AsyncAPI document
[asyncapi.json](../../apps/gateway/assets/asyncapi.json), which the gateway serves at \`GET /asyncapi.json\` and shows at
\`/docs/events\`. What may change in a message, and how: [contracts.md](../contracts.md).`,
    table(['type', 'kind', 'exchange', 'owner', 'published by', 'consumed by', 'meaning'], rows),
    `Consumers are the services whose topology names the message. Programs outside may listen to every event: bind a queue
of your own to its exchange, with its type as the binding key.`,
  ]);
}

function pageOf(
  contract: Contract,
  { contracts, topologies }: ReferenceSources,
  { publishes }: Users,
  replacement: string | undefined,
): string {
  const { type, kind, exchange, owner, version, description } = contract;
  const reply = replyTypeOf(type, contracts);
  const asks = contracts.filter((each) => replyTypeOf(each.type, contracts) === type);
  const facts: [string, string][] = [
    ['kind', kind],
    ['version', String(version)],
    ['exchange', exchange ? `${code(exchange)} (topic, durable)` : 'the direct exchange of whoever asked'],
    ['routing key', exchange ? code(type) : 'what `reply-to` of the request says'],
    ['owner', owner],
    ['published by', list(publishes)],
    ['consumed by', consumersOf(contract, contracts, topologies).join('<br>') || '-'],
    ...(reply === undefined ? [] : ([['answered by', linkTo(reply)]] as [string, string][])),
    ...(asks.length === 0
      ? []
      : ([['answers', list(asks.map((each) => linkTo(each.type)))]] as [string, string][])),
  ];
  const fields = fieldRows(dataSchemaOf(contract)).map((row) => [
    code(row.path),
    row.type,
    row.required ? 'yes' : 'no',
    row.constraints.join('; '),
    row.unit,
    row.description,
  ]);
  return joined([
    GENERATED,
    `# ${type}`,
    description,
    ...(replacement === undefined
      ? []
      : [`**Deprecated**: ${linkTo(replacement)} stands beside it and replaces it.`]),
    table(['', ''], facts),
    '## Data',
    table(['field', 'type', 'required', 'constraints', 'unit', 'meaning'], fields),
    `JSON Schema: [${type}.json](../../libs/contracts/released/${type}.json) as it was released, and \`GET /schemas/${type}.json\`
of the gateway.`,
    '## Example',
    `\`\`\`json\n${JSON.stringify(exampleEnvelope(contract, DOCUMENT_SCHEMA_BASE_URL), undefined, 2)}\n\`\`\``,
    '[All messages](README.md)',
  ]);
}

/** Services with the queue that they take the message from. */
function consumersOf(
  { type }: Contract,
  contracts: readonly Contract[],
  topologies: readonly Topology[],
): string[] {
  return topologies.flatMap(({ service, consumers, answerers, asks, repliesExchange }) => [
    ...[...consumers, ...answerers]
      .filter((each) => each.contracts.some((contract) => contract.type === type))
      .map(({ queue }) => `${service}, from ${code(queue)}`),
    ...(asks.some((asked) => replyTypeOf(asked.type, contracts) === type)
      ? [`${service}, from a queue of each process on ${code(repliesExchange!)}`]
      : []),
  ]);
}

const code = (text: string): string => `\`${text}\``;
const linkTo = (type: string): string => `[${type}](${type}.md)`;
const list = (names: readonly string[]): string => names.join(', ') || '-';
const joined = (parts: readonly string[]): string => `${parts.join('\n\n')}\n`;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), `|${' --- |'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

/** A vertical bar ends a cell, in code as well. */
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
