import { Controller } from '@nestjs/common';
import { DependencyUnavailable, PermanentFailure } from '../errors.ts';
import type { MessageContext } from '../message-context.ts';
import { HandleMessage } from '../message-handler.ts';
import { ParcelMovedV1 } from './parcel-contracts.ts';

/** What a test wants of the handler, by the `behaviour` that stands in the message. */
export const behaviours = new Map<string, (context: MessageContext) => Promise<void> | void>();

export function recordEffect({ tx }: MessageContext, { parcelId, step }: ParcelMovedV1): Promise<unknown> {
  return tx.query('INSERT INTO effects (parcel_id, step) VALUES ($1, $2)', [parcelId, step]);
}

@Controller()
export class RecordParcels {
  @HandleMessage(ParcelMovedV1)
  async moved(parcel: ParcelMovedV1, context: MessageContext): Promise<void> {
    await recordEffect(context, parcel);
    // After the effect, so that a failure has something to roll back.
    await behaviours.get(parcel.behaviour ?? '')?.(context);
  }
}

/** Fails with `error` for as long as `times` says. */
export function failing(times: number, error: () => Error): () => void {
  let left = times;
  return () => {
    if (left-- > 0) throw error();
  };
}

export const plainFailure = () => new Error('the crane is stuck');
export const permanentFailure = () => new PermanentFailure('the parcel is lost');
export const craneAway = () => new DependencyUnavailable('crane');
