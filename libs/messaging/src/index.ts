export { applyTopology, type ApplyOptions } from './broker/apply-topology.ts';
export { BatchContext } from './batch-context.ts';
export { createDataSource, type ServiceDataSourceOptions } from './database/data-source.ts';
export { isDatabaseAway } from './database/database-errors.ts';
export {
  BrokerUnavailable,
  DependencyUnavailable,
  DuplicateMessage,
  MiswiredService,
  NotInTransaction,
  PermanentFailure,
  RequestFailed,
  RequestTimedOut,
} from './errors.ts';
export { currentFlow, runInFlow, type Flow } from './flow.ts';
export { MessageContext } from './message-context.ts';
export {
  AnswerRequest,
  HandleBatch,
  HandleMessage,
  type BatchItem,
  type BatchOptions,
  type HandlerOptions,
} from './message-handler.ts';
export type { MessagingOptions } from './messaging-runtime.ts';
export { connectMessaging, MessagingServer } from './messaging-server.ts';
export { MessagingStatus, type ConsumerStatus, type PublisherStatus } from './messaging-status.ts';
export { MessagingModule } from './messaging.module.ts';
export {
  newMessage,
  Outbox,
  type NewMessage,
  type OutboxStatus,
  type TypedMessage,
} from './outbox/outbox.ts';
export type { RelayOptions } from './outbox/relay.ts';
export { Requests, type AskOptions } from './requests/requests.ts';
export {
  DEFAULT_RETRY_DELAYS,
  defineTopology,
  type AnswererOptions,
  type ConsumerOptions,
  type Topology,
  type TopologyOptions,
} from './topology.ts';
export type { MessagingLogger } from './logger.ts';
