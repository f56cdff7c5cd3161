import type { Figures } from '../figures.ts';
import type { Scenario } from '../scenario.ts';

/** Something that goes wrong, made again and again while messages flow. */
export interface Fault {
  /** In lower case with hyphens; chosen by it on the command line. */
  readonly name: string;
  /** What is done, for the report. */
  readonly description: string;
  /** How often it is made in a full run and in a small one. */
  readonly times: { full: number; small: number };
  /** Processes of each service. Default 1. */
  readonly replicas?: number;
  /** How many of 100 messages are commands. Default 20. */
  readonly commandPercent?: number;
  /** Items that the messages are about. Default one for every 20 messages, from 10 to 200. */
  readonly items?: number;
  /** Whether the tap refuses messages when it is full. Default false. */
  readonly boundedTap?: boolean;
  /** Whether there is a proxy between services and database too. Default false: each costs every statement a detour. */
  readonly databaseProxy?: boolean;
  /** Not part of a small run, because it takes longer than a test may. */
  readonly fullOnly?: boolean;
  /**
   * Starts the services and makes the fault `scenario.times` times while messages flow.
   *
   * @returns what else is worth telling, for the report
   */
  make(scenario: Scenario): Promise<string | undefined>;
  /** What must hold beyond that nothing is lost, doubled or out of order; a sentence for each that does not. */
  check?(figures: Figures): string[];
}
