import type { INestApplication } from '@nestjs/common';
import { Catch, type ExceptionFilter } from '@nestjs/common';
import { Server, type CustomTransportStrategy, type NestMicroservice } from '@nestjs/microservices';
import { throwError, type Observable } from 'rxjs';
import { WARREN_TRANSPORT } from './message-handler.ts';
import type { MessagingRuntime } from './messaging-runtime.ts';

/**
 * The transport strategy: Nest finds the handlers, this library delivers to them.
 *
 * Source: https://docs.nestjs.com/microservices/custom-transport
 */
export class MessagingServer extends Server implements CustomTransportStrategy {
  override transportId = WARREN_TRANSPORT;
  readonly #runtime: MessagingRuntime;

  constructor(runtime: MessagingRuntime) {
    super();
    this.#runtime = runtime;
  }

  listen(callback: (error?: unknown) => void): void {
    this.#runtime.start(this.messageHandlers).then(() => callback(), callback);
  }

  async close(): Promise<void> {
    await this.#runtime.stop();
  }

  on(): never {
    throw new TypeError('MessagingServer has no events: inject MessagingStatus');
  }

  unwrap<T>(): T {
    return this.#runtime as T;
  }
}

/** Nest's own filter replaces what a handler throws by "Internal server error"; the retry policy needs the error. */
@Catch()
class HandToRetryPolicy implements ExceptionFilter {
  catch(error: unknown): Observable<never> {
    return throwError(() => error);
  }
}

/** Connects the handlers of `app` to the broker; they are served from `app.startAllMicroservices()` on. */
export function connectMessaging(app: INestApplication): void {
  // Deferred, because Nest ignores filters that are set after the handlers were registered.
  const microservice = app.connectMicroservice(
    { strategy: app.get(MessagingServer) },
    { deferInitialization: true },
  ) as NestMicroservice;
  // The hooks of the modules are the application's to call.
  microservice.setIsInitHookCalled(true);
  microservice.useGlobalFilters(new HandToRetryPolicy());
}
