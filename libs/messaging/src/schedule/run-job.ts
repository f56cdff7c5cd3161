import type { EventEmitter } from 'node:events';
import { context as otelContext, propagation, ROOT_CONTEXT } from '@opentelemetry/api';
import { validateInstance } from '@warren/contracts';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { PermanentFailure } from '../errors.ts';
import { runInFlow } from '../flow.ts';
import { RecurringRun } from './handle-job.ts';
import { JobContext } from './job-context.ts';
import type { JobInHand } from './job-in-hand.ts';
import { asError, jobOutcomeOf, TimeLimitExceeded, type JobOutcome } from './job-outcome.ts';
import { claimRun, completeRun, type TakenJob } from './job-store.ts';
import type { BoundWork } from './work-registry.ts';

/**
 * Runs a job once: validate, open the transaction, make sure that it is still ours, call the handler, mark as done,
 * commit. Never throws; what is to be written down of a run without effect is in the outcome.
 */
export async function runJob(dataSource: DataSource, work: BoundWork, hand: JobInHand): Promise<JobOutcome> {
  const { job } = hand;
  const { timeLimitMs, transaction, retry } = work.description;
  const limit = setTimeout(
    () => hand.interrupt(new TimeLimitExceeded(`${job.name} ${job.id}`, timeLimitMs)),
    timeLimitMs,
  );
  const flow = {
    correlationId: job.correlationId,
    ...(job.causationId !== null && { causationId: job.causationId }),
  };
  const run = transaction === 'job' ? runInTransaction : runDeferred;
  try {
    const trace = propagation.extract(ROOT_CONTEXT, job.headers);
    await otelContext.with(trace, () => runInFlow(flow, () => run(dataSource, work, hand)));
    return { kind: 'done' };
  } catch (error) {
    if (hand.completed) return { kind: 'done', lateError: asError(error) };
    // What a run fails with after it was ended is a consequence of that.
    return jobOutcomeOf(hand.interruption ?? error, job, retry.retryDelaysMs);
  } finally {
    clearTimeout(limit);
  }
}

/** Effect, rows of the outbox, and that the job is done commit together. */
async function runInTransaction(dataSource: DataSource, work: BoundWork, hand: JobInHand): Promise<void> {
  const { job } = hand;
  const runner = dataSource.createQueryRunner();
  try {
    await runner.startTransaction();
    const tx = runner.manager;
    await claimRun(tx, job);
    const context = new JobContext(factsOf(job), hand.signal, {
      manager: () => tx,
      complete: () =>
        Promise.reject(new TypeError('complete() is for handlers with transaction: "deferred"')),
    });
    await hand.race(work.invoke(argumentOf(work, job), context));
    await completeRun(tx, job);
    await runner.commitTransaction();
    hand.completed = true;
  } catch (error) {
    if (hand.interruption) await cutOff(runner, hand.interruption);
    else if (runner.isTransactionActive) {
      // Where it fails the connection is gone, and the transaction with it; the first error tells more.
      await runner.rollbackTransaction().catch(() => undefined);
    }
    throw error;
  } finally {
    await runner.release();
  }
}

/**
 * Ends the connection of a run that was ended while its handler goes on. After a mere rollback the handler's next
 * statement would be outside of any transaction, and stay. TypeORM gives a connection up that has an error, and
 * refuses the next statement.
 */
async function cutOff(runner: QueryRunner, reason: Error): Promise<void> {
  if (runner.isReleased) return;
  const connection = (await runner.connect()) as EventEmitter;
  connection.emit('error', reason);
}

async function runDeferred(dataSource: DataSource, work: BoundWork, hand: JobInHand): Promise<void> {
  const { job } = hand;
  let begun = false;
  const context = new JobContext(factsOf(job), hand.signal, {
    manager: () => {
      throw new TypeError(
        'a deferred handler has no open transaction: do its database work in ctx.complete(tx => …)',
      );
    },
    complete: async <R>(effect: (tx: EntityManager) => Promise<R>) => {
      if (hand.interruption) throw hand.interruption;
      if (begun) throw new TypeError('complete() was called before: a job has one effect');
      begun = true;
      const result = await dataSource.transaction(async (tx) => {
        await claimRun(tx, job);
        const effected = await effect(tx);
        await completeRun(tx, job);
        return effected;
      });
      hand.completed = true;
      return result;
    },
  });
  await hand.race(work.invoke(argumentOf(work, job), context));
  if (!hand.completed) {
    throw new PermanentFailure(
      `the handler of ${job.name} returned without ctx.complete(): its effect is not recorded`,
    );
  }
}

/** @throws InvalidData when the payload is not what the job's class allows: it was written by another version. */
function argumentOf({ description }: BoundWork, job: TakenJob): object {
  const { jobClass, name } = description;
  if (!jobClass) return new RecurringRun(job.scheduledFor ?? job.createdAt);
  return validateInstance(name, jobClass, job.payload, 'ignore');
}

function factsOf({ id, name, attempt, attempts, createdAt }: TakenJob) {
  return { id, name, attempt, attempts, enqueuedAt: createdAt };
}
