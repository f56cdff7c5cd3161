import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { contractOf, type DataClass } from '@warren/contracts';
import { BatchContext, JobContext, MessageContext, type BatchItem } from '@warren/messaging';
import { concat, defer, from, ignoreElements, throwError, type Observable } from 'rxjs';

/** A handler, by the contract that it takes, by a type such as `order.placed.v1`, or by the name of its job. */
export type HandlerTarget<T extends object = object> = DataClass<T> | string;

export interface FaultOptions<T extends object = object> {
  /**
   * `before` (default): the handler is not called. `after`: it has done its work. In a handler with a transaction
   * nothing of that work is committed; a deferred one has committed what it completed.
   */
  when?: 'before' | 'after';
  /** Only for calls with data like this. Default: any. */
  where?: (data: T) => boolean;
}

export interface FailureOptions<T extends object = object> extends FaultOptions<T> {
  /** Calls that fail. `Infinity`: all that come. Default 1. */
  times?: number;
}

/** A call of a handler that is to be held. */
export interface Hold {
  /** Whether the call has come. */
  readonly reached: boolean;
  /** Lets the call go on, or through, if it comes later. May be called twice. */
  release(): void;
}

interface Call {
  /** Types of the messages, or the name of the job. */
  names: readonly string[];
  data: readonly object[];
}

interface Fault {
  readonly target: string;
  readonly when: 'before' | 'after';
  readonly where: ((data: never) => boolean) | undefined;
  /** Calls that it still waits for. */
  left: number;
  /** What stands before or after the handler; it errors, or completes late. */
  act(): Observable<never>;
}

export function nameOf(target: HandlerTarget): string {
  return typeof target === 'string' ? target : contractOf(target).type;
}

/** Stands around every handler of the service, outermost of all interceptors, and does to it what the test asks for. */
@Injectable()
export class HandlerFaults implements NestInterceptor {
  readonly #faults: Fault[] = [];
  readonly #held = new Set<() => void>();

  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    const call = callOf(execution);
    const fault = call && this.#faults.find((candidate) => candidate.left > 0 && fits(candidate, call));
    if (!fault) return next.handle();
    fault.left -= 1;
    const handled = next.handle();
    return fault.when === 'before' ? concat(fault.act(), handled) : concat(handled, fault.act());
  }

  failNext(target: HandlerTarget, error: Error, options: FailureOptions<never>): void {
    const { times = 1 } = options;
    if (!(times >= 1)) throw new RangeError(`times must be at least 1, not ${times}`);
    this.#add(target, options, times, () => throwError(() => error));
  }

  holdNext(target: HandlerTarget, options: FaultOptions<never>): Hold {
    let reached = false;
    let open!: () => void;
    const opened = new Promise<void>((resolve) => (open = resolve));
    this.#held.add(open);
    const fault = this.#add(target, options, 1, () =>
      defer(() => {
        reached = true;
        return from(opened).pipe(ignoreElements());
      }),
    );
    return {
      get reached() {
        return reached;
      },
      release: () => {
        fault.left = 0;
        this.#held.delete(open);
        open();
      },
    };
  }

  /** Lets every held call go on, and injects nothing any more. */
  clear(): void {
    this.#faults.length = 0;
    for (const release of this.#held) release();
    this.#held.clear();
  }

  /** Faults that were asked for and have not happened. */
  outstanding(): string[] {
    return this.#faults
      .filter(({ left }) => left > 0 && left !== Number.POSITIVE_INFINITY)
      .map(({ target, left }) => `${left} × ${target}`);
  }

  #add(
    target: HandlerTarget,
    { when = 'before', where }: FaultOptions<never>,
    left: number,
    act: Fault['act'],
  ): Fault {
    const fault: Fault = { target: nameOf(target), when, where, left, act };
    this.#faults.push(fault);
    return fault;
  }
}

function fits({ target, where }: Fault, { names, data }: Call): boolean {
  return names.some((name, i) => name === target && (!where || where(data[i] as never)));
}

/** Undefined for what is no handler of this library. */
function callOf(execution: ExecutionContext): Call | undefined {
  const rpc = execution.switchToRpc();
  const context: unknown = rpc.getContext();
  if (context instanceof MessageContext) {
    return { names: [context.envelope.type], data: [rpc.getData<object>()] };
  }
  if (context instanceof JobContext) return { names: [context.name], data: [rpc.getData<object>()] };
  if (!(context instanceof BatchContext)) return undefined;
  const items = rpc.getData<BatchItem[]>();
  return { names: items.map(({ envelope }) => envelope.type), data: items.map(({ data }) => data) };
}
