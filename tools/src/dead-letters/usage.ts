import { BROKER_USAGE } from '../operate/broker-address.ts';
import { COMMANDS, type Command } from './arguments.ts';

const COMMAND_USAGE: Record<Command, string> = {
  list: `list [conditions]          counts them by queue, reason, type and age
  --each                   shows them one by one, with their ids, the oldest first
  --limit <n>              with --each: at most so many (default 50; with --json all)`,
  show: `show <id> ...              shows all of a dead letter but its secrets: headers, error, stack, data`,
  redrive: `redrive [<id> ...]         sends them to the queue that failed, and to no other
  --all                    all dead letters of all queues, where no condition is given
  --limit <n>              at most so many
  --rate <n>               at most so many in a second
  --no-ramp                all at once. Without it 1, 2, 5, 20, 50 … are sent, each batch after the one before was
                           worked through; it stops by itself when messages fail again
  --tolerate <n>           so many may fail again (default 0)
  --settle <time>          how long failures are waited for after each batch, at least (default 10s)
  --patience <time>        how long the queue may take to work through a batch (default 5m)
  --force                  also what is older than 30 days: the inbox may have forgotten that it had its effect
  --dry-run                only says what would be sent
  --yes, -y                does not ask`,
  discard: `discard [<id> ...]         takes them out for good; all of each but its secrets is
                           written to a file first
  --all, --limit, --dry-run, --yes as above
  --log <file>             the file (default .warren/discarded/<time>.jsonl)`,
};

const CONDITIONS = `Conditions, all of which have to be met (those with a name may be given several times, * stands for anything):
  --queue <name>           the queue that failed, as order-service.commands
  --reason <reason>        attempts-exhausted, permanent-failure, invalid, malformed, unknown-type, kills-the-process;
                           or the broker's own, as delivery_limit
  --type <type>            as order.place.v1
  --id <id>                the same as an id among the arguments
  --older-than <time>, --younger-than <time>   dead for so long, as 90s, 30m, 12h, 7d`;

/** @param command only this one's options, where one is named */
export function usage(command?: Command): string {
  const commands = command ? [command] : COMMANDS;
  return `Dead letters: messages that could not be handled, kept with the reason.

  npm run dead-letters -- <command> [options]

${commands.map((name) => COMMAND_USAGE[name]).join('\n\n')}

${CONDITIONS}

--json prints for machines: \`npm run dead-letters --silent -- list --json\`

${BROKER_USAGE}

Ends with 0 when all is done, 1 when it failed, 2 when a redrive stopped by itself, 3 when nobody confirmed it, 64 when
it was called wrongly, 130 when it was interrupted. Nothing is lost whenever it ends. More: docs/dead-letters.md`;
}
