import { open } from 'node:fs/promises';

/** A node of a plan, as EXPLAIN (FORMAT JSON) writes it. */
export interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  Operation?: string;
  'Shared Hit Blocks': number;
  'Shared Read Blocks': number;
  Plans?: PlanNode[];
}

/** A statement that was run, and how, as auto_explain tells it. */
export interface Explained {
  /** With single spaces. */
  readonly statement: string;
  readonly ms: number;
  readonly plan: PlanNode;
  /** Planned without a look at the parameters, as a prepared statement is that has been used for a while. */
  readonly generic: boolean;
}

const PLAN = /LOG: {2}duration: ([\d.]+) ms {2}plan:$/;

/** What auto_explain has written to the server's log from `start` on; a plan that is still being written is left. */
export async function readExplained(log: string, start: number): Promise<Explained[]> {
  const lines = (await readFrom(log, start)).split('\n');
  const found: Explained[] = [];
  for (let n = 0; n < lines.length; n += 1) {
    const ms = PLAN.exec(lines[n]!)?.[1];
    if (ms === undefined) continue;
    const first = n + 1;
    while (lines[n + 1]?.startsWith('\t')) n += 1;
    const json = lines.slice(first, n + 1).join('\n');
    const { 'Query Text': text, Plan: plan } = JSON.parse(json) as { 'Query Text': string; Plan: PlanNode };
    // Parameters are written into a plan that was made for them.
    const generic = /\$\d/.test(JSON.stringify(plan));
    found.push({ statement: text.replaceAll(/\s+/g, ' ').trim(), ms: Number(ms), plan, generic });
  }
  return found;
}

async function readFrom(file: string, start: number): Promise<string> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - start), 0, size - start, start);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}

export function* nodesOf(plan: PlanNode): Generator<PlanNode> {
  yield plan;
  for (const child of plan.Plans ?? []) yield* nodesOf(child);
}

const ownBuffers = (node: PlanNode): number => node['Shared Hit Blocks'] + node['Shared Read Blocks'];

/**
 * Pages of 8 KiB that a statement looked at. A node's figure holds those of the nodes below it, but for WITH clauses
 * that write and are not read: they run after all the rest.
 */
export function buffersOf(plan: PlanNode): number {
  const below = plan.Plans ?? [];
  const own = Math.max(0, ownBuffers(plan) - below.reduce((sum, node) => sum + ownBuffers(node), 0));
  return below.reduce((sum, node) => sum + buffersOf(node), own);
}

/** How a plan comes to its rows: `Index Scan orders_pkey, Update orders`. */
export function accessesOf(plan: PlanNode): string {
  const accesses = [...nodesOf(plan)].flatMap((node) => {
    const { 'Node Type': type, 'Relation Name': relation, 'Index Name': index, Operation: operation } = node;
    if (type === 'ModifyTable') return [`${operation} ${partitioned(relation)}`];
    if (index !== undefined) return [`${type} ${partitioned(index)}`];
    return relation === undefined ? [] : [`${type} ${partitioned(relation)}`];
  });
  return [...new Set(accesses)].join(', ') || plan['Node Type'];
}

/** The same name for every day of the inbox. */
const partitioned = (name = ''): string => name.replace(/_\d{8}/, '_<day>');
