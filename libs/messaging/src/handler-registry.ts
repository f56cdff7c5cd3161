import type { MessageHandler } from '@nestjs/microservices';
import { contractOf, prepareValidation } from '@warren/contracts';
import { isObservable, lastValueFrom } from 'rxjs';
import type { BoundHandler } from './delivery/deliver.ts';
import { MiswiredService } from './errors.ts';
import type { HandlerExtras } from './message-handler.ts';
import type { Topology } from './topology.ts';

/** Calls a handler as Nest has wrapped it: guards, pipes and interceptors included. */
export async function invokeHandler(
  handler: MessageHandler,
  data: object,
  context: unknown,
): Promise<unknown> {
  const result: unknown = await handler(data, context);
  return isObservable(result) ? lastValueFrom(result, { defaultValue: undefined }) : result;
}

/**
 * Brings together what the topology binds and what the controllers handle.
 *
 * @throws MiswiredService when a bound type has no handler, a handler has no binding, or two handlers claim a type
 */
export function bindHandlers(
  topology: Topology,
  found: ReadonlyMap<string, MessageHandler>,
): ReadonlyMap<string, BoundHandler> {
  const bound = new Map<string, BoundHandler>();
  const problems: string[] = [];
  const wanted = new Map<string, string>();
  for (const { queue, contracts } of [...topology.consumers, ...topology.answerers]) {
    for (const { type } of contracts) wanted.set(type, queue);
  }
  for (const [type, queue] of wanted) {
    const handler = found.get(type);
    if (!handler) {
      problems.push(
        `queue ${queue} receives ${type}, and nothing handles it: add a controller method with @HandleMessage ` +
          `(or @AnswerRequest) to a module of the app, or remove it from topology.ts`,
      );
      continue;
    }
    if (handler.next)
      problems.push(`two handlers claim ${type}: merge them, or give one of them a service of its own`);
    const extras = handler.extras as Partial<HandlerExtras> | undefined;
    if (!extras?.warren) {
      problems.push(
        `the handler of ${type} was made with Nest's own decorator: use @HandleMessage or @AnswerRequest`,
      );
      continue;
    }
    const { dataClasses, transaction, batch } = extras.warren;
    const dataClass = dataClasses.find((each) => contractOf(each).type === type)!;
    prepareValidation(dataClass, 'ignore');
    bound.set(type, {
      dataClass,
      transaction,
      ...(batch && { batch }),
      description: extras.warren,
      invoke: (data, context) => invokeHandler(handler, data, context),
    });
  }
  for (const { queue, contracts } of topology.consumers) {
    const handlers = contracts.flatMap(({ type }) => bound.get(type) ?? []);
    const batched = handlers.some(({ transaction }) => transaction === 'batch');
    if (batched && new Set(handlers.map(({ description }) => description)).size > 1) {
      problems.push(
        `queue ${queue} has a batch handler beside others: list every contract of the queue in one @HandleBatch, ` +
          'or give the others a queue of their own',
      );
    }
  }
  for (const type of found.keys()) {
    if (!wanted.has(type)) {
      problems.push(`a handler of ${type} is never called: add its contract to a queue in topology.ts`);
    }
  }
  if (problems.length > 0)
    throw new MiswiredService(`${topology.service} can't start:\n- ${problems.join('\n- ')}`);
  return bound;
}
