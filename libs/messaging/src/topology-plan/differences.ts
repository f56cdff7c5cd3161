import type { DesiredBinding, DesiredExchange, DesiredQueue } from '../broker/desired-topology.ts';
import type { ActualBinding, ActualExchange, ActualQueue } from './broker-state.ts';

/** Who can mend a difference: `create` and `prune` are what `apply` does, the rest takes a person. */
export type Mend = 'create' | 'prune' | 'by-hand';

/** One thing in which the broker is not as the services describe it. */
export interface TopologyDifference {
  kind: 'missing' | 'extra' | 'different';
  service: string;
  /** What it is about, as an operator would call it: `queue order-service.commands`. */
  what: string;
  /** What is different, where that isn't said by the kind. */
  detail?: string;
  mend: Mend;
  /** What to do about it. */
  advice: string;
  target:
    | { exchange: DesiredExchange | ActualExchange }
    | { queue: DesiredQueue | ActualQueue }
    | { binding: DesiredBinding | ActualBinding };
}

/** Something that works, and that whoever looks after the broker had better know. */
export interface TopologyNotice {
  what: string;
  advice: string;
}

export interface TopologyPlan {
  /** In the order in which they are best mended. */
  differences: TopologyDifference[];
  notices: TopologyNotice[];
}
