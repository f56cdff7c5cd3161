import type { MessageHandler } from '@nestjs/microservices';
import { MiswiredService } from '../errors.ts';
import { invokeHandler } from '../handler-registry.ts';
import { WORK_PATTERN_PREFIX, type WorkDescription } from './handle-job.ts';
import type { JobContext } from './job-context.ts';

/** A handler of jobs as the transport strategy found it. */
export interface BoundWork {
  readonly description: WorkDescription;
  invoke(argument: object, context: JobContext): Promise<unknown>;
}

type Found = ReadonlyMap<string, MessageHandler>;

/** Tells the handlers of jobs from those of messages. */
export function separateWork(found: Found): { messages: Found; work: Found } {
  const entries = [...found];
  const isWork = ([pattern]: [string, MessageHandler]) => pattern.startsWith(WORK_PATTERN_PREFIX);
  return {
    messages: new Map(entries.filter((entry) => !isWork(entry))),
    work: new Map(entries.filter(isWork)),
  };
}

/**
 * @returns the handlers by the name of their job
 * @throws MiswiredService when two claim one name, or one was made with another decorator
 */
export function bindWork(service: string, found: Found): ReadonlyMap<string, BoundWork> {
  const bound = new Map<string, BoundWork>();
  const problems: string[] = [];
  for (const [pattern, handler] of found) {
    const name = pattern.slice(WORK_PATTERN_PREFIX.length);
    const description = (handler.extras as { warrenWork?: WorkDescription } | undefined)?.warrenWork;
    if (!description) {
      problems.push(
        `the handler of ${pattern} was made with Nest's own decorator: use @HandleJob or @Recurring`,
      );
      continue;
    }
    if (handler.next) {
      problems.push(`two handlers claim the job ${name}: merge them, or give one of them another name`);
    }
    bound.set(name, {
      description,
      invoke: (argument, context) => invokeHandler(handler, argument, context),
    });
  }
  if (problems.length > 0) throw new MiswiredService(`${service} can't start:\n- ${problems.join('\n- ')}`);
  return bound;
}
