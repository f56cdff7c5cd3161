import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { createLocalObjectStore, objectKey, ObjectNotFound, StorageUnavailable } from '../index.ts';
import { objectStoreConformance } from './object-store-conformance.ts';

/** Runs `script` in a process of its own, which has `store`, `Readable` and `key`. */
function runWithStore(directory: string, key: string, script: string, shell = 'exec "$0" "$@"') {
  const source = new URL('../local-object-store.ts', import.meta.url);
  const program = `
    import { Readable } from 'node:stream';
    import { createLocalObjectStore } from ${JSON.stringify(source.href)};
    const store = createLocalObjectStore(${JSON.stringify(directory)});
    const key = ${JSON.stringify(key)};
    ${script}`;
  return spawn('sh', ['-c', shell, process.execPath, '--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
}

/** Leaves an upload behind by killing a process in the middle of it. */
async function abandonUpload(directory: string, key: string): Promise<void> {
  const child = runWithStore(
    directory,
    key,
    `async function* endless() {
      yield 'begin';
      process.stdout.write('begun');
      setInterval(() => {}, 1000);
      await new Promise(() => {});
    }
    await store.put(key, Readable.from(endless()));`,
  );
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'close');
}

const newDirectory = () => mkdtemp(join(tmpdir(), 'warren-objects-'));

objectStoreConformance('a local folder', async () => {
  const directory = await newDirectory();
  return {
    store: createLocalObjectStore(directory),
    abandonUpload: (key) => abandonUpload(directory, key),
    countUnfinished: async () => (await readdir(join(directory, 'unfinished'))).length,
    close: () => rm(directory, { recursive: true }),
  };
});

describe('a local folder of objects', () => {
  let directory: string;
  let key: string;
  const store = () => createLocalObjectStore(directory);

  beforeEach(async () => {
    directory = await newDirectory();
    key = objectKey(randomUUID(), 'content');
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('is made with the first object, with folders above it', async () => {
    const deep = createLocalObjectStore(join(directory, 'not', 'yet', 'there'));
    await deep.put(key, Readable.from(['content']));
    await expect(text((await deep.get(key)).stream)).resolves.toBe('content');
  });

  it('is shared by several processes', async () => {
    const child = runWithStore(directory, key, `await store.put(key, Readable.from(['from afar']));`);
    await once(child, 'close');
    await expect(text((await store().get(key)).stream)).resolves.toBe('from afar');
  });

  it('can be made by many uploads at once', async () => {
    const keys = Array.from({ length: 8 }, () => objectKey(randomUUID(), 'content'));
    await Promise.all(keys.map((each) => store().put(each, Readable.from([each]))));
    for (const each of keys) await expect(text((await store().get(each)).stream)).resolves.toBe(each);
  });

  it('says that the storage is away, not the object, where no store was made or mounted', async () => {
    for (const reader of [store(), createLocalObjectStore(join(directory, 'absent'))]) {
      await expect(reader.get(key)).rejects.toThrow(StorageUnavailable);
      await expect(reader.stat(key)).rejects.toThrow(/not an object store/);
      await expect(reader.delete(key)).rejects.toThrow(StorageUnavailable);
      await expect(reader.sweepUnfinished(0)).resolves.toBe(0);
    }
  });

  it('goes on when a directory that was away comes back, and stores nothing in its place meanwhile', async () => {
    const mounted = store();
    await mounted.put(key, Readable.from(['content']));
    await rename(directory, `${directory}-away`);
    try {
      await expect(mounted.get(key)).rejects.toThrow(StorageUnavailable);
      await expect(mounted.put(key, Readable.from(['lost']))).rejects.toThrow(StorageUnavailable);
      await expect(readdir(directory)).rejects.toThrow(/ENOENT/);
    } finally {
      await rename(`${directory}-away`, directory);
    }
    await expect(text((await mounted.get(key)).stream)).resolves.toBe('content');
    await expect(mounted.get(objectKey(randomUUID(), 'content'))).rejects.toThrow(ObjectNotFound);
  });

  it('refuses a directory that holds other things, and names the mend', async () => {
    await writeFile(join(directory, 'thesis.txt'), 'mine');
    await expect(store().put(key, Readable.from(['content']))).rejects.toThrow(
      /holds other things \(thesis\.txt\).*give a directory of its own/,
    );
    await expect(readdir(directory)).resolves.toEqual(['thesis.txt']);
  });

  it('refuses a file in the place of the directory', async () => {
    const file = createLocalObjectStore(join(directory, 'file'));
    await writeFile(join(directory, 'file'), '');
    await expect(file.put(key, Readable.from(['content']))).rejects.toThrow(StorageUnavailable);
    await expect(file.get(key)).rejects.toThrow(StorageUnavailable);
  });

  it('leaves nothing of an upload for which there is no room, and tells the system error', async () => {
    await store().put(objectKey(randomUUID(), 'content'), Readable.from(['first']));
    const child = runWithStore(
      directory,
      key,
      `await store.put(key, Readable.from([Buffer.alloc(300_000), Buffer.alloc(300_000)])).catch(
        (error) => process.stdout.write(error.name + ' ' + error.code),
      );`,
      // The limit on a file's size fails in the same place as a full disk does, and needs no root.
      'trap "" XFSZ; ulimit -f 800; exec "$0" "$@"',
    );
    await expect(text(child.stdout)).resolves.toBe('StorageUnavailable EFBIG');
    await expect(readdir(join(directory, 'unfinished'))).resolves.toEqual([]);
    await expect(store().get(key)).rejects.toThrow(ObjectNotFound);
  });

  it('removes the folder of a file with its last object', async () => {
    await store().put(key, Readable.from(['content']));
    await store().delete(key);
    await expect(readdir(join(directory, 'files'))).resolves.toEqual([]);
  });

  it('fails a reader with StorageUnavailable when an object turns out to be shorter than it was', async () => {
    await store().put(key, Readable.from([Buffer.alloc(1_000_000)]));
    const { stream } = await store().get(key);
    await writeFile(join(directory, key), 'cut');
    await expect(text(stream)).rejects.toThrow(StorageUnavailable);
  });
});
