import { randomBytes, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import {
  InvalidObjectKey,
  ObjectNotFound,
  objectKey,
  ObjectTooLarge,
  RangeNotSatisfiable,
  type ByteRange,
  type ObjectStore,
} from '../index.ts';

/** One adapter with a storage of its own, empty at first. */
export interface StoreUnderTest {
  store: ObjectStore;
  /** Leaves an upload behind as a process does that is killed in the middle of it. */
  abandonUpload(key: string): Promise<void>;
  /** How many uploads are under way or abandoned. */
  countUnfinished(): Promise<number>;
  close(): Promise<void>;
}

/** What every adapter of the object storage has to do, whatever it stands on. */
export function objectStoreConformance(name: string, factory: () => Promise<StoreUnderTest>): void {
  describe(`${name} as an object store`, () => {
    let tested: StoreUnderTest;
    let store: ObjectStore;
    let key: string;

    beforeEach(async () => {
      tested = await factory();
      store = tested.store;
      key = objectKey(randomUUID(), 'content');
      // So that an adapter which makes its storage with the first object has it.
      await store.put(objectKey(randomUUID(), 'content'), Readable.from(['first']));
    });
    afterEach(() => tested.close());

    const content = async (range?: ByteRange) => buffer((await store.get(key, range)).stream);
    const text = async (range?: ByteRange) => (await content(range)).toString();

    it('gives back the bytes that were stored, and their number', async () => {
      const bytes = randomBytes(3_000_001);
      const chunks = [bytes.subarray(0, 1), bytes.subarray(1, 2_000_000), bytes.subarray(2_000_000)];
      await expect(store.put(key, Readable.from(chunks))).resolves.toEqual({ size: bytes.length });
      const { stream, size } = await store.get(key);
      expect(size).toBe(bytes.length);
      expect((await buffer(stream)).equals(bytes)).toBe(true);
    });

    it('stores an object of no bytes', async () => {
      await expect(store.put(key, Readable.from([]))).resolves.toEqual({ size: 0 });
      await expect(text()).resolves.toBe('');
      await expect(store.stat(key)).resolves.toMatchObject({ size: 0 });
    });

    it('tells the size of an object and when it was stored', async () => {
      const before = Date.now();
      await store.put(key, Readable.from(['0123456789']));
      const { size, modifiedAt } = await store.stat(key);
      expect(size).toBe(10);
      // File systems keep coarser times than the clock gives, and S3 whole seconds.
      expect(modifiedAt.getTime()).toBeGreaterThan(before - 2_000);
      expect(modifiedAt.getTime()).toBeLessThan(Date.now() + 2_000);
    });

    it('puts a new object in the place of the old one', async () => {
      await store.put(key, Readable.from(['a long first version']));
      await store.put(key, Readable.from(['second']));
      await expect(text()).resolves.toBe('second');
    });

    it('keeps the objects of one file apart', async () => {
      const other = key.replace('/content', '/thumbnail.webp');
      await store.put(key, Readable.from(['content']));
      await store.put(other, Readable.from(['thumbnail']));
      await store.delete(other);
      await expect(text()).resolves.toBe('content');
    });

    describe('when a range is asked for', () => {
      beforeEach(() => store.put(key, Readable.from(['0123456789'])));

      it.each([
        [{ start: 0 }, '0123456789'],
        [{ start: 7 }, '789'],
        [{ start: 2, end: 4 }, '234'],
        [{ start: 9, end: 9 }, '9'],
        [{ start: 8, end: 1_000_000 }, '89'],
      ])('gives the bytes of %j alone, and the size of the whole', async (range, expected) => {
        const { stream, size } = await store.get(key, range);
        expect((await buffer(stream)).toString()).toBe(expected);
        expect(size).toBe(10);
      });

      it('refuses one that starts at the end or after, and tells the size', async () => {
        for (const start of [10, 11]) {
          const refusal = await store.get(key, { start }).catch((error: unknown) => error);
          expect(refusal).toBeInstanceOf(RangeNotSatisfiable);
          expect(refusal).toMatchObject({ size: 10 });
        }
      });

      it('refuses one that makes no sense as a mistake of the caller', async () => {
        for (const range of [{ start: -1 }, { start: 4, end: 2 }, { start: 0.5 }, { start: Number.NaN }]) {
          await expect(store.get(key, range)).rejects.toThrow(RangeError);
        }
      });
    });

    it('lends an object as a file to read, and hands back what was made of it', async () => {
      await store.put(key, Readable.from(['content']));
      await expect(store.withFile(key, (path) => readFile(path, 'utf8'))).resolves.toBe('content');
      const failure = new Error('not an image');
      await expect(store.withFile(key, () => Promise.reject(failure))).rejects.toBe(failure);
      await expect(text()).resolves.toBe('content');
    });

    it('says that an object is not found where there is none', async () => {
      const neverUsed = () => Promise.reject(new Error('there was something to use'));
      await expect(store.withFile(key, neverUsed)).rejects.toThrow(ObjectNotFound);
      await expect(store.get(key)).rejects.toThrow(ObjectNotFound);
      await expect(store.get(key, { start: 0 })).rejects.toThrow(ObjectNotFound);
      await expect(store.stat(key)).rejects.toThrow(ObjectNotFound);
    });

    it('deletes an object, also when there is none', async () => {
      await store.put(key, Readable.from(['content']));
      await store.delete(key);
      await expect(store.get(key)).rejects.toThrow(ObjectNotFound);
      await store.delete(key);
      await store.put(key, Readable.from(['again']));
      await expect(text()).resolves.toBe('again');
    });

    it('lets a reader that has begun read to the end while the object is replaced', async () => {
      const first = randomBytes(2_000_000);
      await store.put(key, Readable.from([first]));
      const { stream } = await store.get(key);
      await store.put(key, Readable.from(['second']));
      expect((await buffer(stream)).equals(first)).toBe(true);
    });

    it('shows one of two objects that are stored at once as a whole', async () => {
      const versions = [Buffer.alloc(1_000_000, 'a'), Buffer.alloc(500_000, 'b')];
      await Promise.all(versions.map((bytes) => store.put(key, Readable.from([bytes]))));
      const stored = await content();
      expect(versions.some((bytes) => bytes.equals(stored))).toBe(true);
    });

    describe('when an upload does not come to its end', () => {
      /** Gives `chunks`, then whatever `end` does. */
      const sourceOf = (chunks: string[], end: (source: Readable) => void): Readable => {
        const left = [...chunks];
        return new Readable({
          read() {
            const chunk = left.shift();
            if (chunk !== undefined) this.push(chunk);
            else end(this);
          },
        });
      };
      const expectNothingLeft = async () => {
        await expect(store.get(key)).rejects.toThrow(ObjectNotFound);
        await expect(tested.countUnfinished()).resolves.toBe(0);
      };

      it('shows nothing of it before its end', async () => {
        let lookedMeanwhile: Promise<unknown> | undefined;
        async function* chunks() {
          yield Buffer.alloc(1_000_000);
          lookedMeanwhile = store.stat(key).catch((error: unknown) => error);
          await lookedMeanwhile;
          yield 'end';
        }
        await store.put(key, Readable.from(chunks()));
        await expect(lookedMeanwhile).resolves.toBeInstanceOf(ObjectNotFound);
        await expect(store.stat(key)).resolves.toMatchObject({ size: 1_000_003 });
      });

      it('leaves nothing of one that is larger than allowed', async () => {
        const source = Readable.from(['0123456789', '0123456789']);
        await expect(store.put(key, source, { maxBytes: 19 })).rejects.toThrow(ObjectTooLarge);
        expect(source.destroyed).toBe(true);
        await expectNothingLeft();
      });

      it('takes one of exactly the size that is allowed', async () => {
        await expect(store.put(key, Readable.from(['0123456789']), { maxBytes: 10 })).resolves.toEqual({
          size: 10,
        });
      });

      it('leaves nothing of one whose source fails, and throws what the source failed with', async () => {
        const failure = new Error('the client went away');
        const source = sourceOf(['begin'], (stream) => stream.destroy(failure));
        await expect(store.put(key, source)).rejects.toBe(failure);
        await expectNothingLeft();
      });

      it('leaves nothing of one whose source closes before its end', async () => {
        const source = sourceOf(['begin'], (stream) => stream.destroy());
        await expect(store.put(key, source)).rejects.toThrow();
        await expectNothingLeft();
      });

      it('leaves nothing of one that is aborted, and throws the reason', async () => {
        const abort = new AbortController();
        const reason = new Error('the server is stopping');
        const source = sourceOf(['begin'], () => abort.abort(reason));
        await expect(store.put(key, source, { signal: abort.signal })).rejects.toBe(reason);
        expect(source.destroyed).toBe(true);
        await expectNothingLeft();
      });

      it('does not begin one that was aborted before', async () => {
        const source = Readable.from(['begin']);
        await expect(
          store.put(key, source, { signal: AbortSignal.abort(new Error('too late')) }),
        ).rejects.toThrow('too late');
        expect(source.destroyed).toBe(true);
        await expectNothingLeft();
      });

      it('refuses a source that was read or destroyed before, instead of storing nothing of it', async () => {
        const read = Readable.from(['content']);
        await buffer(read);
        await expect(store.put(key, read)).rejects.toThrow(TypeError);
        await expect(store.put(key, Readable.from(['content']).destroy())).rejects.toThrow(TypeError);
        await expectNothingLeft();
      });

      it('keeps the old object when its successor fails', async () => {
        await store.put(key, Readable.from(['old']));
        const source = sourceOf(['new'], (stream) => stream.destroy(new Error('cut off')));
        await expect(store.put(key, source)).rejects.toThrow('cut off');
        await expect(store.put(key, Readable.from(['too large']), { maxBytes: 1 })).rejects.toThrow(
          ObjectTooLarge,
        );
        await expect(text()).resolves.toBe('old');
      });

      it('sweeps what a dead process left, and not what is still written', async () => {
        await tested.abandonUpload(key);
        await expect(store.sweepUnfinished(3_600_000)).resolves.toBe(0);
        await expect(tested.countUnfinished()).resolves.toBe(1);
        // The clock of the storage may lag a little behind ours.
        await expect(store.sweepUnfinished(-2_000)).resolves.toBe(1);
        await expectNothingLeft();
      });
    });

    it.each([
      ['a path that climbs', 'files/../../etc/passwd'],
      ['a name that climbs', `files/${randomUUID()}/..`],
      ['an absolute path', '/etc/passwd'],
      ['a hidden name', `files/${randomUUID()}/.profile`],
      ['a name in upper case', `files/${randomUUID()}/Content`],
      ['an id in upper case', `files/${randomUUID().toUpperCase()}/content`],
      ['a name with a path', `files/${randomUUID()}/a/b`],
      ['a name with a NUL', `files/${randomUUID()}/a\0`],
      ['a name with a line feed', `files/${randomUUID()}/a\n`],
      ['a name that is too long', `files/${randomUUID()}/${'a'.repeat(65)}`],
      ['another folder', `unfinished/${randomUUID()}/content`],
      ['nothing', ''],
    ])('refuses %s as a key, in every method', async (_what, bad) => {
      const source = Readable.from(['content']);
      await expect(store.put(bad, source)).rejects.toThrow(InvalidObjectKey);
      expect(source.destroyed).toBe(true);
      await expect(store.get(bad)).rejects.toThrow(InvalidObjectKey);
      await expect(store.withFile(bad, async () => undefined)).rejects.toThrow(InvalidObjectKey);
      await expect(store.stat(bad)).rejects.toThrow(InvalidObjectKey);
      await expect(store.delete(bad)).rejects.toThrow(InvalidObjectKey);
    });
  });
}
