import type { DeadLetters } from '@warren/messaging';
import type { Progress } from '../operate/progress.ts';
import type { Arguments } from './arguments.ts';

/** What a command works with. */
export interface Session {
  letters: DeadLetters;
  args: Arguments;
  progress: Progress;
  /** Aborted when the operator asked to stop. */
  signal: AbortSignal;
}
