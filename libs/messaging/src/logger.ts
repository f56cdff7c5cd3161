/** What the library needs of a logger; Nest's `Logger` fits. */
export interface MessagingLogger {
  log(message: string): void;
  warn(message: string): void;
  error(message: string, stack?: string): void;
}
