import { parseArgs } from 'node:util';
import { EXIT, UsageError } from '../operate/exit-codes.ts';
import { runCommand } from '../operate/run-command.ts';
import { counted, table } from '../operate/table.ts';
import { checkContracts, type CheckResult } from './check.ts';
import { loadContracts } from './load-contracts.ts';
import { loadReferenceSources } from './reference/load-reference.ts';
import { outdatedReferenceFiles, writeReferenceFiles } from './reference/reference-files.ts';
import { readReleased, RELEASED_DIRECTORY, writeReleased, type ReleasedContract } from './released.ts';
import { usersByType, type Users } from './who-uses.ts';

const USAGE = `The contracts that services and outsiders build on: what they may rely on, and what was changed.

  npm run contracts -- check      refuses changes that would break a consumer or a producer, and a reference that is not current
  npm run contracts -- release    records the contracts as they are now, unless a change breaks somebody
    --retire <type>               also: nobody publishes or reads it any more (may be given several times)
  npm run contracts -- list       all contracts with version, owner, and who publishes and consumes them
  npm run contracts -- docs       writes the reference anew: the AsyncAPI document and docs/events
  --json                          prints for machines

What was released is in libs/contracts/released, one file a contract. The sources are built first.

Ends with 0 when all is well, 2 when a change breaks somebody, is not recorded or not in the reference, 1 when it can't be
told, 64 when it was called wrongly. More: docs/contracts.md`;

const COMMANDS = { check, release, list, docs };

interface Options {
  json: boolean;
  retire: string[];
  directory: string;
}

/** `npm run contracts -- check | release | list | docs`. Returns the exit code. */
export function runContracts(argv: readonly string[], directory = RELEASED_DIRECTORY): Promise<number> {
  return runCommand('contracts', USAGE, argv, async () => {
    const [command = '', ...rest] = argv;
    if (!Object.hasOwn(COMMANDS, command))
      throw new UsageError(`"${command}" is none of check, release, list, docs`);
    const { values } = parseArgs({
      args: rest,
      options: {
        json: { type: 'boolean', default: false },
        retire: { type: 'string', multiple: true, default: [] },
      },
    });
    if (values.retire.length > 0 && command !== 'release') throw new UsageError('--retire is for release');
    return COMMANDS[command as keyof typeof COMMANDS]({ ...values, directory });
  });
}

async function check({ json, directory }: Options): Promise<number> {
  const result = checkContracts(readReleased(directory), loadContracts());
  const outdated = await outdatedReferenceFiles();
  const isWell = result.broken.length === 0 && result.unrecorded.length === 0 && outdated.length === 0;
  const texts = [told(result), ...(outdated.length > 0 ? [toldOutdated(outdated)] : [])];
  console.log(json ? JSON.stringify({ ok: isWell, ...result, outdated }, undefined, 2) : texts.join('\n\n'));
  return isWell ? EXIT.done : EXIT.attention;
}

async function docs({ json }: Options): Promise<number> {
  const written = await writeReferenceFiles();
  if (json) console.log(JSON.stringify({ written }, undefined, 2));
  else console.log(written.map((path) => `wrote ${path}`).join('\n') || 'The reference was current already.');
  return EXIT.done;
}

async function release({ json, retire, directory }: Options): Promise<number> {
  const current = loadContracts();
  const released = readReleased(directory);
  const retired = await retirable(retire, released, current);
  const kept = released.filter(({ type }) => !retire.includes(type));
  const result = checkContracts(kept, current);
  if (result.broken.length > 0) {
    console.error(`${told({ ...result, unrecorded: [] })}\nNothing was recorded.`);
    return EXIT.attention;
  }
  const recorded = current.filter(({ type }) => result.unrecorded.some(({ contract }) => contract === type));
  for (const contract of [...recorded, ...retired]) writeReleased(contract, directory);
  const types = { recorded: recorded.map(({ type }) => type), retired: retire };
  if (json) console.log(JSON.stringify(types, undefined, 2));
  else {
    for (const type of types.recorded) console.log(`recorded ${type}`);
    for (const type of types.retired) console.log(`retired ${type}`);
    if (recorded.length + retired.length === 0) console.log('Everything was recorded already.');
  }
  return EXIT.done;
}

/** @throws UsageError when one was never released, or is still in use */
async function retirable(
  types: readonly string[],
  released: readonly ReleasedContract[],
  current: readonly ReleasedContract[],
): Promise<ReleasedContract[]> {
  if (types.length === 0) return [];
  const users = await loadUsers();
  return types.map((type) => {
    const contract = released.find((each) => each.type === type);
    if (!contract) throw new UsageError(`${type} was never released`);
    const { publishes = [], consumes = [] } = users.get(type) ?? {};
    const using = [...new Set([...publishes, ...consumes])];
    if (using.length > 0) throw new UsageError(`${type} is still in the topology of ${using.join(', ')}`);
    if (current.some((each) => each.type === type)) {
      throw new UsageError(`${type} is still in libs/contracts/src/registry.ts: take it out first`);
    }
    return { ...contract, retired: true };
  });
}

async function list({ json, directory }: Options): Promise<number> {
  const current = loadContracts();
  const released = readReleased(directory);
  const { broken, unrecorded } = checkContracts(released, current);
  const users = await loadUsers();
  const stateOf = (type: string): string => {
    if (broken.some(({ contract }) => contract === type)) return 'breaks';
    return unrecorded.find(({ contract }) => contract === type)?.change ?? 'released';
  };
  const gone = released.filter(({ type }) => !current.some((each) => each.type === type));
  const rows = [...current, ...gone].map((contract) => ({
    type: contract.type,
    kind: contract.kind,
    version: Number(/\.v(\d+)$/.exec(contract.type)![1]),
    owner: contract.owner,
    exchange: contract.exchange,
    publishedBy: users.get(contract.type)?.publishes ?? [],
    consumedBy: users.get(contract.type)?.consumes ?? [],
    state: contract.retired ? 'retired' : stateOf(contract.type),
  }));
  if (json) console.log(JSON.stringify(rows, undefined, 2));
  else {
    const names = (services: readonly string[]) => services.join(', ') || '-';
    console.log(
      table(
        ['type', 'kind', 'version', 'owner', 'exchange', 'published by', 'consumed by', 'state'],
        rows.map(({ type, kind, version, owner, exchange, publishedBy, consumedBy, state }) => [
          ...[type, kind, version, owner, exchange ?? '-', names(publishedBy), names(consumedBy), state],
        ]),
      ),
    );
  }
  return EXIT.done;
}

async function loadUsers(): Promise<Map<string, Users>> {
  const { topologies, contracts } = await loadReferenceSources();
  return usersByType(topologies, contracts);
}

/** Lines by contract; what is to be done is said once for each. */
export function told({ broken, unrecorded }: CheckResult): string {
  const parts = [...new Set(broken.map(({ contract }) => contract))].map((type) => {
    const ofType = broken.filter(({ contract }) => contract === type);
    const lines = ofType.map(
      ({ pointer, rule, detail }) => `  ! ${pointer || '(all of it)'}  ${rule}: ${detail}`,
    );
    return [type, ...lines, `      ${ofType[0]!.advice}`, ''].join('\n');
  });
  if (unrecorded.length > 0) {
    const lines = unrecorded.map(
      ({ contract, change }) => `  ${change === 'new' ? '+' : '~'} ${contract} is ${change}`,
    );
    parts.push(['Not recorded', ...lines, '      npm run contracts -- release', ''].join('\n'));
  }
  if (broken.length > 0) parts.push(`${counted(broken.length, 'change')} would break others.`);
  else if (unrecorded.length > 0) parts.push(`Nobody is hurt; ${unrecorded.length} to be recorded.`);
  else parts.push('The contracts are as they were released.');
  return parts.join('\n');
}

/** Names the command that mends it. */
export function toldOutdated(paths: readonly string[]): string {
  const lines = paths.map((path) => `  ~ ${path}`);
  return ['The reference is not current', ...lines, '      npm run contracts -- docs'].join('\n');
}
