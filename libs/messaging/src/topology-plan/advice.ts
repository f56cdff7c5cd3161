import type { DesiredQueue, QueueRole } from '../broker/desired-topology.ts';
import type { ActualBinding, ActualQueue } from './broker-state.ts';
import type { Mend } from './differences.ts';

const RECREATE = 'Arguments of a queue cannot be changed. ';

/** What a queue was for, by its name: no description of it is left. */
function roleByName(name: string): QueueRole {
  if (name.endsWith('.dead')) return 'dead-letters';
  return /\.retry\.[0-9]+(?:ms|s|m|h|d)$/.test(name) ? 'retries' : 'messages';
}

/** A queue that is wanted, and is there with other arguments: the service refuses to start. */
export function adviceOnOtherQueue(service: string, wanted: DesiredQueue, found: ActualQueue): string {
  const holds = `it holds ${found.messages} messages`;
  switch (wanted.role) {
    case 'dead-letters':
      // With the queue gone a consumer keeps what it cannot dead-letter, and tries again.
      return `${RECREATE}Redrive or discard its dead letters (${holds}), delete it, and apply`;
    case 'retries':
      return `${RECREATE}Stop ${service}, wait until what waits has gone back (${holds}), delete it, apply, start ${service}`;
    case 'messages':
      return (
        `${RECREATE}Either choose another name for it in topology.ts, and let the old one drain; or stop whoever ` +
        `publishes to it, let ${service} drain it (${holds}), stop ${service}, delete it, apply, and start them again`
      );
  }
}

/** A queue with the service's name that its description does not know, or no longer. */
export function adviceOnExtraQueue(service: string, queue: ActualQueue): { mend: Mend; advice: string } {
  if (queue.consumers > 0) return { mend: 'by-hand', advice: inUse(service) };
  if (queue.messages === 0) {
    return { mend: 'prune', advice: 'apply --prune unbinds it and, if it is still empty then, deletes it' };
  }
  switch (roleByName(queue.name)) {
    case 'dead-letters':
      return {
        mend: 'by-hand',
        advice: `look at its dead letters; once they are redriven or discarded, apply --prune deletes it`,
      };
    case 'retries':
      return {
        mend: 'by-hand',
        advice: 'what waits goes back by itself when its time has come; then apply --prune deletes it',
      };
    case 'messages':
      return {
        mend: 'by-hand',
        advice:
          `${service} has stopped consuming it, and it still fills up: apply --prune removes its bindings; ` +
          'have its messages consumed, or purge it when nobody needs them, and apply --prune deletes it',
      };
  }
}

/** A binding that the description of its queue's service, or of its exchange's, does not know. */
export function adviceOnExtraBinding(
  service: string,
  { queue, exchange }: ActualBinding,
  wantedQueues: ReadonlySet<string>,
  { consumers }: ActualQueue,
): { mend: Mend; advice: string } {
  if (wantedQueues.has(queue)) {
    return {
      mend: 'prune',
      advice: `apply --prune removes it: ${service} dead-letters what comes by it, because nothing there handles it`,
    };
  }
  if (!queue.startsWith(`${service}.`)) {
    return {
      mend: 'prune',
      advice: `apply --prune removes it: ${exchange} is for the queues of ${service} alone`,
    };
  }
  return consumers > 0
    ? { mend: 'by-hand', advice: inUse(service) }
    : { mend: 'prune', advice: 'apply --prune removes it: its queue is described nowhere' };
}

function inUse(service: string): string {
  return `it is in use: is another version of ${service} still running?`;
}
