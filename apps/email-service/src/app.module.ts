import { Module, type DynamicModule } from '@nestjs/common';
import { defineService, type ServiceConfig } from '@warren/service';
import { SendWelcome } from './commands/send-welcome.ts';
import { domainOf, environment, mailboxOf } from './config.ts';
import { MailDelivery, MESSAGE_ID_DOMAIN } from './delivery/mail-delivery.ts';
import { FileEvents } from './handlers/file-events.ts';
import { OrderEvents } from './handlers/order-events.ts';
import { UserRegistered } from './handlers/user-registered.ts';
import { RecipientsAndMails1767225600000 } from './migrations/1767225600000-recipients-and-mails.ts';
import { SmtpClient } from './smtp/smtp-client.ts';
import { CONCURRENT_MAILS, topology } from './topology.ts';

@Module({})
class EmailServiceModule {
  static configuredBy(config: ServiceConfig<typeof environment>): DynamicModule {
    const from = mailboxOf(config.WARREN_MAIL_FROM);
    const smtp = new SmtpClient({
      url: config.WARREN_SMTP_URL,
      from,
      connections: CONCURRENT_MAILS,
    });
    return {
      module: EmailServiceModule,
      controllers: [UserRegistered, SendWelcome, OrderEvents, FileEvents],
      providers: [
        MailDelivery,
        { provide: SmtpClient, useValue: smtp },
        { provide: MESSAGE_ID_DOMAIN, useValue: domainOf(from) },
      ],
    };
  }
}

// A mail server that is away doesn't make the service unready: addresses still have to be kept, and restarting or
// replacing the process would mend nothing. The log says when it goes away and comes back, and mails wait meanwhile.
export const emailService = defineService({
  name: 'email-service',
  description: 'Tells customers by mail what became of their accounts, orders and files',
  defaultPort: 7082,
  topology,
  entities: [],
  migrations: [RecipientsAndMails1767225600000],
  environment,
  module: (config) => EmailServiceModule.configuredBy(config),
  readiness: 'consumers',
});
