import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * What a private server keeps about itself beside its data: who it is, its password, the ports that it had and
 * the process that it was last. Readable by the owner alone.
 */
export interface InstanceRecord {
  /** Stands in the command line of the server's process, by which a process of ours is told from any other. */
  id: string;
  password: string;
  ports: Record<string, number>;
  pid: number | null;
}

export async function openInstance(directory: string): Promise<InstanceRecord> {
  await mkdir(directory, { recursive: true });
  const existing = await readFile(fileIn(directory), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (existing !== undefined) return JSON.parse(existing) as InstanceRecord;
  const record: InstanceRecord = {
    id: randomBytes(8).toString('hex'),
    password: randomBytes(18).toString('base64url'),
    ports: {},
    pid: null,
  };
  await saveInstance(directory, record);
  return record;
}

export async function saveInstance(directory: string, record: InstanceRecord): Promise<void> {
  const file = fileIn(directory);
  await writeFile(`${file}.new`, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

function fileIn(directory: string): string {
  return join(directory, 'instance.json');
}
