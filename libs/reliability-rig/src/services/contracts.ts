import { DefineCommand, DefineEvent } from '@warren/contracts';
import { IsIn, IsUUID } from 'class-validator';

/**
 * How the consumer's handler takes a message. All but `plain` first have their effect and then throw, so that a
 * failed attempt that left a trace would be counted as an effect too many.
 */
export const BEHAVIOURS = ['plain', 'fails-once', 'fails-twice', 'exhausts', 'gives-up'] as const;
export type Behaviour = (typeof BEHAVIOURS)[number];

/** The reason with which a message of a behaviour must end in the dead-letter queue; the others must not. */
export const DEAD_REASONS: Partial<Record<Behaviour, string>> = {
  exhausts: 'attempts-exhausted',
  'gives-up': 'permanent-failure',
};

@DefineEvent<ItemChangedV1>({
  type: 'item.changed.v1',
  exchange: 'items.events',
  publishedBy: 'rig-producer',
  description: 'An item of the rig changed.',
  example: { behaviour: 'plain' },
})
export class ItemChangedV1 {
  @IsIn(BEHAVIOURS)
  behaviour!: Behaviour;
}

@DefineCommand<CountItemV1>({
  type: 'item.count.v1',
  exchange: 'items.commands',
  publishedBy: 'rig-producer',
  description: 'Asks for an item of the rig to be counted.',
  example: { behaviour: 'plain' },
})
export class CountItemV1 {
  @IsIn(BEHAVIOURS)
  behaviour!: Behaviour;
}

/** What follows from an effect: it is appended in the transaction of the effect. */
@DefineEvent<ItemCountedV1>({
  type: 'item.counted.v1',
  exchange: 'counts.events',
  publishedBy: 'rig-consumer',
  description: 'A message about an item had its effect.',
  example: { cause: '01965a30-6f4b-7cc2-a4b2-0d4b8f6c2f11' },
})
export class ItemCountedV1 {
  /** The message that had the effect. */
  @IsUUID()
  cause!: string;
}
