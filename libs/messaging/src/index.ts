export { applyTopology, type ApplyOptions } from './broker/apply-topology.ts';
export {
  desiredTopology,
  type DesiredBinding,
  type DesiredExchange,
  type DesiredQueue,
  type DesiredTopology,
  type QueueRole,
} from './broker/desired-topology.ts';
export { ManagementFailure, vhostOf } from './broker/management-api.ts';
export { BatchContext } from './batch-context.ts';
export { AfterCommit, openTransactionOf } from './database/after-commit.ts';
export { createDataSource, type ServiceDataSourceOptions } from './database/data-source.ts';
export { isDatabaseAway } from './database/database-errors.ts';
export { ImpatientClient } from './database/impatient-client.ts';
export { REDRIVE_LIMIT_DAYS, type DeadLetter, type ShownLetter } from './dead-letters/dead-letter.ts';
export { UnsafeToLook, type DeadLetterQueue } from './dead-letters/dead-letter-queues.ts';
export { DeadLetters, type DeadLettersOptions, type LookOverOptions } from './dead-letters/dead-letters.ts';
export type { DiscardOptions, DiscardReport } from './dead-letters/discard.ts';
export type { DeadLetterFilter } from './dead-letters/filter.ts';
export type {
  QueueRedriveReport,
  RedriveOptions,
  RedriveProgress,
  RedriveReport,
  StopReason,
} from './dead-letters/redrive-options.ts';
export {
  AGE_CLASSES,
  type AgeClass,
  type DeadLetterGroup,
  type DeadLetterSummary,
} from './dead-letters/summary.ts';
export { propertiesOf } from './broker/message-codec.ts';
export { Deliveries, type SettledDelivery } from './delivery/deliveries.ts';
export { parseDuration } from './duration.ts';
export {
  BrokerUnavailable,
  DependencyUnavailable,
  DuplicateMessage,
  MiswiredService,
  NotInTransaction,
  PermanentFailure,
  RequestFailed,
  RequestTimedOut,
  TransactionRolledBack,
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
export {
  MessagingStatus,
  type ConsumerStatus,
  type PublisherStatus,
  type WorkStatus,
} from './messaging-status.ts';
export { MessagingModule } from './messaging.module.ts';
export type { NewMessage } from './outbox/compose-message.ts';
export {
  newMessage,
  Outbox,
  type OutboxStatus,
  type OutboxStatusOptions,
  type TypedMessage,
} from './outbox/outbox.ts';
export type { RelayOptions } from './outbox/relay.ts';
export { Requests, type AskOptions } from './requests/requests.ts';
export {
  DEFAULT_JOB_RETRY_DELAYS,
  DefineJob,
  type JobOptions,
  type RetryOptions,
} from './schedule/define-job.ts';
export type { When } from './schedule/due-time.ts';
export {
  HandleJob,
  Recurring,
  RecurringRun,
  type HandleJobOptions,
  type RecurringOptions,
  type WorkOptions,
} from './schedule/handle-job.ts';
export { JobContext } from './schedule/job-context.ts';
export { LeaseLost, TimeLimitExceeded, WorkerStopped } from './schedule/job-outcome.ts';
export type { JobFilter, JobState, JobStatus, JobView } from './schedule/job-view.ts';
export { Jobs, type EnqueueOptions } from './schedule/jobs.ts';
export { RecurringJobs, type RecurringJobView } from './schedule/recurring-jobs.ts';
export { Schedule, type ScheduledMessage, type ScheduleStatus } from './schedule/schedule.ts';
export type { ScheduledWorkOptions } from './schedule/scheduled-work.ts';
export {
  DEFAULT_RETRY_DELAYS,
  defineTopology,
  type AnswererOptions,
  type ConsumerOptions,
  type Topology,
  type TopologyOptions,
} from './topology.ts';
export type { Mend, TopologyDifference, TopologyNotice, TopologyPlan } from './topology-plan/differences.ts';
export {
  mendTopology,
  planTopology,
  type MendOptions,
  type PlanOptions,
} from './topology-plan/topology-plan.ts';
export type { MessagingLogger } from './logger.ts';
