export type { FailureOptions, FaultOptions, HandlerTarget } from './handler-faults.ts';
export type { IncomingMessage, PublishOptions } from './incoming-message.ts';
export type { MessageTarget } from './message-log.ts';
export type { Link, Network } from './network.ts';
export type { ServiceParts } from './service-under-test.ts';
export {
  startTestService,
  type HandledOptions,
  type HeldCall,
  type TestService,
  type TestServiceOptions,
} from './test-service.ts';
export { WaitTimedOut, type WaitOptions } from './wait-for.ts';
