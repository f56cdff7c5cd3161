import { isNativeError } from 'node:util/types';
import { InvalidData, MalformedEnvelope } from '@warren/contracts';
import { isDatabaseAway } from '../database/database-errors.ts';
import { DependencyUnavailable, DuplicateMessage, PermanentFailure, UnknownType } from '../errors.ts';
import type { ConsumerTopology } from '../topology.ts';
import type { Outcome } from './outcome.ts';

/** A wait of the tier and up to a quarter more, so that what failed together does not come back together. */
export function jitteredDelay(delayMs: number, random: () => number = Math.random): number {
  return Math.round(delayMs * (1 + random() / 4));
}

/** What was thrown, as an error whose texts are texts: anything can be thrown. */
export function asError(thrown: unknown): Error {
  // Errors of Node's own modules are of another realm where the code runs in a VM context.
  if (!(thrown instanceof Error) && !isNativeError(thrown)) {
    return new Error(`something was thrown that is no Error: ${describe(thrown)}`);
  }
  const isPlain = [thrown.name, thrown.message, thrown.stack ?? ''].every((text) => typeof text === 'string');
  return isPlain
    ? thrown
    : new Error(`an error without a readable message was thrown: ${describe(thrown.message)}`);
}

function describe(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return typeof thrown;
  }
}

/**
 * What an error means for its message.
 *
 * @param failedBefore attempts that failed before this one
 */
export function outcomeOf(
  thrown: unknown,
  failedBefore: number,
  consumer: Pick<ConsumerTopology, 'attempts' | 'retryTiers'>,
): Outcome {
  const error = asError(thrown);
  if (error instanceof DuplicateMessage) return { kind: 'duplicate' };
  if (error instanceof MalformedEnvelope) return { kind: 'dead', reason: 'malformed', error };
  if (error instanceof UnknownType) return { kind: 'dead', reason: 'unknown-type', error };
  if (error instanceof InvalidData) return { kind: 'dead', reason: 'invalid', error };
  if (error instanceof PermanentFailure) return { kind: 'dead', reason: 'permanent-failure', error };
  if (error instanceof DependencyUnavailable || isDatabaseAway(error)) return { kind: 'unavailable', error };
  if (failedBefore + 1 >= consumer.attempts) return { kind: 'dead', reason: 'attempts-exhausted', error };
  return { kind: 'retry', tier: Math.min(failedBefore, consumer.retryTiers.length - 1), error };
}
