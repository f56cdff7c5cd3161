import { AsyncLocalStorage } from 'node:async_hooks';

/** What links the messages and log lines of one request through all services. */
export interface Flow {
  correlationId: string;
  /** Id of the message that is being handled; absent in a request from outside. */
  causationId?: string;
}

const storage = new AsyncLocalStorage<Flow>();

/** Runs `work` so that everything it appends to the outbox or logs belongs to `flow`. */
export function runInFlow<R>(flow: Flow, work: () => R): R {
  return storage.run(flow, work);
}

/** The flow that the caller runs in, if any. */
export function currentFlow(): Flow | undefined {
  return storage.getStore();
}
