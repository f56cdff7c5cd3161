import type { FileRejectedV1, FileRejectionReason } from '@warren/contracts';
import { facts, paragraph, type MailDocument } from './document.ts';
import { formatSize, formatTime } from './formats.ts';

const REASONS: Readonly<Record<FileRejectionReason, string>> = {
  'content-missing': 'Its content was not found where it had been stored. Please upload it again.',
  'size-mismatch': 'Fewer or more bytes were stored than were uploaded. Please upload it again.',
  'unreadable-image': 'It looks like an image but can not be read as one.',
  'too-many-pixels': 'The image has more pixels than we process.',
  'malformed-csv': 'It looks like a table of comma-separated values but can not be read as one.',
};

export function fileRejected(file: FileRejectedV1, displayName: string): MailDocument {
  return {
    subject: `Your file ${file.name} could not be processed`,
    heading: 'Your file could not be processed',
    blocks: [
      paragraph(`Hello ${displayName}, we are sorry: we could not process your file.`),
      facts(
        ['File', file.fileId],
        ['Name', file.name],
        ...(file.mediaType === undefined ? [] : [['Type', file.mediaType] as const]),
        ['Size', formatSize(file.size)],
        ['Reason', REASONS[file.reason]],
        ...(file.sha256 === undefined ? [] : [['SHA-256', file.sha256] as const]),
        ['Rejected', formatTime(file.rejectedAt)],
      ),
    ],
  };
}
