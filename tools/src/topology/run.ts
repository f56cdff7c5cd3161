import { parseArgs } from 'node:util';
import {
  mendTopology,
  planTopology,
  type PlanOptions,
  type TopologyDifference,
  type TopologyPlan,
} from '@warren/messaging';
import { onStopSignals } from '../commands/stop-signals.ts';
import { BROKER_OPTIONS, BROKER_USAGE, findBroker } from '../operate/broker-address.ts';
import { confirm } from '../operate/confirm.ts';
import { EXIT, UsageError } from '../operate/exit-codes.ts';
import { runCommand } from '../operate/run-command.ts';
import { counted, plain } from '../operate/table.ts';
import { appsWithTopology, loadTopology } from './load-topologies.ts';

const USAGE = `What the services want to have on the broker, and what is there.

  npm run topology -- plan [<service> ...]     shows what differs, and what to do about each
  npm run topology -- apply [<service> ...]    creates what is missing; changes and deletes nothing
    --prune        also removes what no service describes, as far as nothing is lost by it
    --yes, -y      does not ask before that
  --json           prints for machines

Without a name all services are looked at. What the services want is in their topology.ts.

${BROKER_USAGE}

Ends with 0 when the broker is as it should be, 2 when it differs (after apply: still), 1 when it can't be told, 3 when
nobody confirmed it, 64 when it was called wrongly. More: docs/topology.md`;

/** `npm run topology -- plan | apply`. Returns the exit code. */
export function runTopology(argv: readonly string[]): Promise<number> {
  return runCommand('topology', USAGE, argv, () => {
    // Each step is whole in itself, so it may end after any.
    const end = () => process.exit(EXIT.interrupted);
    onStopSignals(end, end);
    return run(argv);
  });
}

async function run([command, ...rest]: readonly string[]): Promise<number> {
  if (command !== 'plan' && command !== 'apply')
    throw new UsageError(`"${command}" is neither plan nor apply`);
  const { values, positionals } = parseArgs({
    args: [...rest],
    options: {
      ...BROKER_OPTIONS,
      json: { type: 'boolean', default: false },
      ...(command === 'apply' && {
        prune: { type: 'boolean', default: false },
        yes: { type: 'boolean', short: 'y', default: false },
      }),
    },
    allowPositionals: true,
  }) as { values: Record<string, string | boolean | undefined>; positionals: string[] };
  const { url, 'management-url': managementUrl } = values as Record<string, string | undefined>;
  const apps = chosen(positionals);
  const broker = await findBroker({ url, 'management-url': managementUrl });
  const topologies = await Promise.all(apps.map((app) => loadTopology(app)));
  const options: PlanOptions = { topologies, managementUrl: broker.managementUrl, vhost: broker.vhost };

  let plan = await planTopology(options);
  if (command === 'apply') {
    const removed = plan.differences.filter(({ mend }) => mend === 'prune');
    const isPruning = values['prune'] === true && removed.length > 0;
    if (isPruning && values['yes'] !== true) {
      console.error(told(plan));
      const answer = await confirm(`Remove ${counted(removed.length, 'thing')} that no service describes?`);
      if (!answer) {
        const why = answer === undefined ? 'There is nobody to ask: say --yes. ' : '';
        console.error(`${why}Nothing was done.`);
        return EXIT.notConfirmed;
      }
    }
    const onDone = (what: string) => console.error(what);
    plan = await mendTopology({ ...options, prune: isPruning, onDone });
  }
  const isSame = plan.differences.length === 0;
  if (values['json'] === true) {
    const differences = plan.differences.map(({ target: _, ...difference }) => difference);
    console.log(JSON.stringify({ same: isSame, differences, notices: plan.notices }, undefined, 2));
  } else console.log(told(plan));
  return isSame ? EXIT.done : EXIT.attention;
}

/** @throws UsageError for a service that is none */
function chosen(names: readonly string[]): string[] {
  const apps = appsWithTopology();
  const unknown = names.filter((name) => !apps.includes(name));
  if (unknown.length > 0) {
    throw new UsageError(
      `${unknown.join(', ')} is no service with a topology; these are: ${apps.join(', ')}`,
    );
  }
  return names.length > 0 ? [...names] : apps;
}

const SIGNS = { missing: '+', different: '!', extra: '-' } as const;

/** Lines about one service; what is to be done is said once for all that it is said of. */
function linesAbout(differences: readonly TopologyDifference[]): string {
  const byAdvice = new Map<string, TopologyDifference[]>();
  for (const difference of differences) {
    const same = byAdvice.get(difference.advice);
    if (same) same.push(difference);
    else byAdvice.set(difference.advice, [difference]);
  }
  return [...byAdvice]
    .map(([advice, same]) => {
      const lines = same.map(
        ({ kind, what, detail }) =>
          `  ${SIGNS[kind]} ${kind} ${plain(what)}${detail ? `: ${plain(detail)}` : ''}`,
      );
      return [...lines, `      ${plain(advice)}`].join('\n');
    })
    .join('\n');
}

function told({ differences, notices }: TopologyPlan): string {
  const services = [...new Set(differences.map(({ service }) => service))];
  const parts = services.map(
    (service) =>
      `${service}\n${linesAbout(differences.filter((difference) => difference.service === service))}\n`,
  );
  const noted = notices.map(({ what, advice }) => `  ${plain(what)}: ${plain(advice)}`);
  if (noted.length > 0) parts.push(`To know\n${noted.join('\n')}\n`);
  const end =
    differences.length === 0
      ? 'The broker is as the services describe it.'
      : `${counted(differences.length, 'difference')}.`;
  return [...parts, end].join('\n');
}
