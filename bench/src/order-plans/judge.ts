import { median } from '../statistics.ts';
import { accessesOf, buffersOf, nodesOf, type Explained } from './explained.ts';

/** More rows than this are not to be read one after the other. */
export const FEW_ROWS = 1_000;
/** Pages that one statement may look at for one order, as a rule: a new connection reads the catalog, too. */
export const MOST_BUFFERS = 100;

export interface Ran extends Explained {
  readonly path: string;
  /** How many orders the path was taken for at once. */
  readonly orders: number;
}

/** Runs of one statement that came to its rows in one way. */
export interface Summary {
  readonly statement: string;
  readonly accesses: string;
  readonly generic: boolean;
  readonly paths: readonly string[];
  readonly runs: number;
  readonly buffers: { median: number; most: number };
  readonly ms: { median: number; most: number };
  /** Why the plan is a bad one. */
  readonly faults: readonly string[];
}

/** @param sizes rows of each table, as the planner knows them */
export function summarize(all: readonly Ran[], sizes: ReadonlyMap<string, number>): Summary[] {
  const groups = Map.groupBy(all, ({ statement, plan, generic }) =>
    JSON.stringify([statement, accessesOf(plan), generic]),
  );
  return [...groups.values()].map((runs) => {
    const { statement, plan, generic } = runs[0]!;
    const buffers = runs.map((run) => buffersOf(run.plan) / Math.max(1, run.orders));
    const ms = runs.map((run) => run.ms);
    return {
      statement,
      accesses: accessesOf(plan),
      generic,
      paths: [...new Set(runs.map(({ path }) => path))],
      runs: runs.length,
      buffers: { median: median(buffers), most: Math.max(...buffers) },
      ms: { median: median(ms), most: Math.max(...ms) },
      faults: faultsOf(runs, sizes, median(buffers)),
    };
  });
}

function faultsOf(runs: readonly Ran[], sizes: ReadonlyMap<string, number>, pages: number): string[] {
  const scanned = runs.flatMap(({ plan }) =>
    [...nodesOf(plan)].flatMap((node) => {
      const table = node['Relation Name'];
      if (node['Node Type'] !== 'Seq Scan' || table === undefined) return [];
      const rows = sizes.get(table) ?? 0;
      return rows > FEW_ROWS ? [`reads all ${rows} rows of ${table}`] : [];
    }),
  );
  return [
    ...new Set(scanned),
    ...(pages > MOST_BUFFERS ? [`looks at ${Math.round(pages)} pages for one order`] : []),
  ];
}
