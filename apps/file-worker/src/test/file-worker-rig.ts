import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { contractOf, FileUploadedV1, formatSequence, type EventEnvelope } from '@warren/contracts';
import { createLocalObjectStore, objectKey, type ObjectStore } from '@warren/object-storage';
import { startService, type RunningService } from '@warren/service';
import {
  captureMessages,
  createTestBroker,
  createTestDatabase,
  eventually,
  publishRaw,
  type CapturedMessages,
  type TestBroker,
  type TestDatabase,
} from '@warren/testing';
import { v7 as uuidv7 } from 'uuid';
import { fileWorker } from '../app.module.ts';

export interface Job {
  status: string;
  attempts: number;
  finished: boolean;
  result: Record<string, unknown> | null;
}

type AnyEvent = EventEnvelope<Record<string, unknown>>;

/** A file-worker on a broker, a database and a storage of its own, and somebody who uploads files. */
export class FileWorkerRig {
  private constructor(
    readonly broker: TestBroker,
    readonly database: TestDatabase,
    readonly service: RunningService,
    readonly directory: string,
    readonly store: ObjectStore,
    readonly events: CapturedMessages,
    readonly deadLetters: CapturedMessages,
  ) {}

  static async start(environment: Record<string, string> = {}): Promise<FileWorkerRig> {
    const [broker, database, directory] = await Promise.all([
      createTestBroker(),
      createTestDatabase(),
      mkdtemp(join(tmpdir(), 'warren-file-worker-')),
    ]);
    await database.query('CREATE SCHEMA file_worker');
    // As the gateway declares it, whose exchange it is.
    await broker.management.call('PUT', `/exchanges/${broker.vhost}/files.events`, {
      type: 'topic',
      durable: true,
    });
    const service = await startService(fileWorker, {
      WARREN_DATABASE_URL: database.url,
      // No more rights than it has in production.
      WARREN_AMQP_URL: await broker.createUser({
        configure: '^file-worker\\..*$',
        write: '^(file-worker\\..*|files\\.events)$',
        read: '^(file-worker\\..*|files\\.events)$',
      }),
      WARREN_FILES_DIRECTORY: directory,
      WARREN_HTTP_PORT: '0',
      WARREN_LOG_LEVEL: 'error',
      ...environment,
    });
    const events = await captureMessages(broker.url, 'files.events', '#');
    const deadLetters = await captureMessages(broker.url, 'file-worker.dead-letter', '#');
    const store = createLocalObjectStore(directory);
    await store.put(objectKey(uuidv7(), 'content'), Readable.from(['so that the storage exists']));
    await eventually(async () => {
      const ready = await fetch(`${service.url}/health/ready`);
      if (!ready.ok) throw new Error(`not ready: ${await ready.text()}`);
    });
    return new FileWorkerRig(broker, database, service, directory, store, events, deadLetters);
  }

  async stop(): Promise<void> {
    await this.service.stop();
    await Promise.all([this.events.close(), this.deadLetters.close()]);
    await Promise.all([this.broker.close(), this.database.close(), rm(this.directory, { recursive: true })]);
  }

  /** Stores the bytes and makes the event that tells of them. */
  async upload(
    content: Buffer | string,
    changes: Partial<FileUploadedV1> = {},
  ): Promise<EventEnvelope<FileUploadedV1>> {
    const fileId = uuidv7();
    const key = objectKey(fileId, 'content');
    const { size } = await this.store.put(key, Readable.from([Buffer.from(content)]));
    return this.announcement({ fileId, size, objectKey: key, ...changes });
  }

  announcement(data: Pick<FileUploadedV1, 'fileId' | 'size' | 'objectKey'>): EventEnvelope<FileUploadedV1> {
    const { type } = contractOf(FileUploadedV1);
    const id = uuidv7();
    return {
      specversion: '1.0',
      id,
      source: '/warren/gateway',
      type,
      subject: data.fileId,
      time: new Date().toISOString(),
      datacontenttype: 'application/json',
      dataschema: `http://127.0.0.1:7080/schemas/${type}.json`,
      sequence: formatSequence(1),
      correlationid: id,
      data: { ownerId: uuidv7(), name: '../../etc/passwd', uploadedAt: new Date().toISOString(), ...data },
    };
  }

  async publish(envelope: EventEnvelope): Promise<void> {
    await publishRaw(this.broker.url, 'files.events', envelope.type, envelope, {
      contentType: 'application/cloudevents+json; charset=utf-8',
    });
  }

  /** Outcomes of one file so far. */
  outcomesOf(fileId: string): AnyEvent[] {
    return this.events.all
      .map((message) => message.json<AnyEvent>())
      .filter(({ type, subject }) => subject === fileId && type !== 'file.uploaded.v1');
  }

  /** Waits for the outcome of a file. */
  outcomeOf(fileId: string): Promise<AnyEvent> {
    return eventually(() => {
      const [outcome] = this.outcomesOf(fileId);
      if (!outcome) throw new Error(`file ${fileId} has no outcome`);
      return outcome;
    });
  }

  async jobOf(fileId: string): Promise<Job | undefined> {
    const [job] = await this.database.query<Job>(
      `SELECT status, attempts, finished_at IS NOT NULL AS finished, result
       FROM file_worker.processing_jobs WHERE file_id = $1`,
      [fileId],
    );
    return job;
  }
}
