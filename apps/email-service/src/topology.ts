import {
  EmailFailedV1,
  EmailSentV1,
  FileProcessedV1,
  FileRejectedV1,
  OrderCancelledV1,
  OrderConfirmedV1,
  OrderRejectedV1,
  UserRegisteredV1,
} from '@warren/contracts';
import { defineTopology } from '@warren/messaging';
import { SendWelcomeV1 } from './commands/send-welcome.v1.ts';

// Greylisting servers and full mailboxes ask for patience: twelve tries take about four hours.
const PATIENT = { retryDelays: ['5s', '30s', '5m', '30m'], attempts: 12 };

/** Mails that are on their way at the same time; the SMTP pool has a connection for each of them. */
export const CONCURRENT_MAILS = 8;

export const topology = defineTopology({
  service: 'email-service',
  exchanges: ['emails.events', 'email-service.commands'],
  publishes: [EmailSentV1, EmailFailedV1, SendWelcomeV1],
  consumes: [
    // Apart from the mails: an address must neither stand behind a backlog of mails nor wait while their queue
    // pauses because the mail server is away.
    { queue: 'registrations', handles: [UserRegisteredV1], concurrency: 4 },
    {
      queue: 'mails',
      handles: [
        SendWelcomeV1,
        OrderConfirmedV1,
        OrderRejectedV1,
        OrderCancelledV1,
        FileProcessedV1,
        FileRejectedV1,
      ],
      concurrency: CONCURRENT_MAILS,
      ...PATIENT,
    },
  ],
});
