/** What is written before Nest's logger exists. Nest's `Logger` fits. */
export interface BootLog {
  log(message: string): void;
  warn(message: string): void;
}
