import { Controller } from '@nestjs/common';
import { IsOptional, Length } from 'class-validator';
import { DefineJob } from '../schedule/define-job.ts';
import { HandleJob } from '../schedule/handle-job.ts';
import type { JobContext } from '../schedule/job-context.ts';

/** Moved in a transaction. */
@DefineJob({ name: 'crates.move', attempts: 3, retryDelays: ['50ms'] })
export class MoveCrate {
  @Length(1, 100)
  crateId!: string;

  @IsOptional()
  @Length(1, 50)
  behaviour?: string;
}

/** Painted by a deferred handler, one at a time. */
@DefineJob({ name: 'crates.paint', attempts: 3, retryDelays: ['50ms'] })
export class PaintCrate {
  @Length(1, 100)
  crateId!: string;

  @IsOptional()
  @Length(1, 50)
  behaviour?: string;
}

/** What a test wants of the handlers, by the `behaviour` that stands in the payload. */
export const crateBehaviours = new Map<
  string,
  (context: JobContext, crateId: string) => Promise<void> | void
>();

@Controller()
export class CrateHandlers {
  @HandleJob(MoveCrate, { timeLimit: '30s' })
  async move({ crateId, behaviour }: MoveCrate, context: JobContext): Promise<void> {
    await context.tx.query('INSERT INTO effects (parcel_id, step) VALUES ($1, $2)', [
      crateId,
      context.attempt,
    ]);
    // After the effect, so that a failure has something to roll back.
    await crateBehaviours.get(behaviour ?? '')?.(context, crateId);
  }

  @HandleJob(PaintCrate, { transaction: 'deferred', concurrency: 1 })
  async paint({ crateId, behaviour }: PaintCrate, context: JobContext): Promise<void> {
    await crateBehaviours.get(behaviour ?? '')?.(context, crateId);
    await context.complete((tx) =>
      tx.query('INSERT INTO effects (parcel_id, step) VALUES ($1, $2)', [crateId, context.attempt]),
    );
  }
}

/** A handler's behaviour that waits: the test sees who has come, and lets them go. */
export class Gate {
  readonly inside: string[] = [];
  #open!: () => void;
  readonly #opened = new Promise<void>((resolve) => {
    this.#open = resolve;
  });

  readonly pass = async (_context: JobContext, crateId: string): Promise<void> => {
    this.inside.push(crateId);
    await this.#opened;
  };

  open(): void {
    this.#open();
  }
}
