import type { FileProcessedV1, FileResult } from '@warren/contracts';
import { facts, paragraph, type MailDocument } from './document.ts';
import { formatCount, formatSize, formatTime } from './formats.ts';

function findings({ rows, width, height }: FileResult): (readonly [string, string])[] {
  return [
    ...(rows === undefined ? [] : [['Rows', formatCount(rows)] as const]),
    ...(width === undefined || height === undefined
      ? []
      : [['Dimensions', `${formatCount(width)} × ${formatCount(height)} pixels`] as const]),
  ];
}

export function fileProcessed(file: FileProcessedV1, displayName: string): MailDocument {
  return {
    subject: `Your file ${file.name} is processed`,
    heading: 'Your file is processed',
    blocks: [
      paragraph(`Hello ${displayName}, your file was read to its end. This is what we found.`),
      facts(
        ['File', file.fileId],
        ['Name', file.name],
        ['Type', file.mediaType],
        ['Size', formatSize(file.size)],
        ...findings(file.result),
        ['SHA-256', file.sha256],
        ['Processed', formatTime(file.processedAt)],
      ),
    ],
  };
}
