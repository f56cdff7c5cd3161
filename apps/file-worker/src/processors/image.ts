import { Readable } from 'node:stream';
import sharp from 'sharp';
import { FileRejected, type FileProcessor, type FileToProcess, type Findings } from './file-processor.ts';

export interface ImageOptions {
  /** Images of more pixels (width × height) are rejected before they are decoded. */
  maxPixels: number;
}

/** Longest side of a thumbnail in pixels. Smaller images are not enlarged. */
const THUMBNAIL_PIXELS = 320;
const THUMBNAIL_QUALITY = 80;

/**
 * Measures an image as it is seen (orientation applied) and makes a thumbnail of it, without metadata: where a
 * photo was taken is nobody's business. Of an animation it is the first frame.
 */
export class ImageProcessor implements FileProcessor {
  readonly mediaTypes = [
    'image/jpeg',
    'image/png',
    'image/apng',
    'image/webp',
    'image/gif',
    'image/avif',
    'image/tiff',
  ];
  readonly #maxPixels: number;

  constructor({ maxPixels }: ImageOptions) {
    this.#maxPixels = maxPixels;
    // No file is read twice, so a cache of what was decoded holds memory for nothing.
    sharp.cache(false);
  }

  process(file: FileToProcess): Promise<Findings> {
    return file.withFile(async (path) => {
      const { width, height } = await readable(() => this.#measure(path));
      if (width * height > this.#maxPixels) {
        throw new FileRejected(
          'too-many-pixels',
          `${width} × ${height} pixels are more than the ${this.#maxPixels} that are allowed`,
        );
      }
      const thumbnail = await readable(() => this.#thumbnail(path));
      return {
        result: { width, height },
        derivatives: [await file.storeDerivative('thumbnail.webp', 'image/webp', Readable.from([thumbnail]))],
      };
    });
  }

  /** Reads the header only, so it is safe for an image of any size. */
  async #measure(path: string): Promise<{ width: number; height: number }> {
    const { autoOrient } = await sharp(path, { limitInputPixels: false }).metadata();
    return autoOrient;
  }

  #thumbnail(path: string): Promise<Buffer> {
    return sharp(path, {
      limitInputPixels: this.#maxPixels,
      // Rows are decoded as they are needed, not all at once.
      sequentialRead: true,
      // Stops at what is cut off or damaged, not at oddities that every viewer shows anyway.
      failOn: 'error',
    })
      .autoOrient()
      .resize({ width: THUMBNAIL_PIXELS, height: THUMBNAIL_PIXELS, fit: 'inside', withoutEnlargement: true })
      .webp({ quality: THUMBNAIL_QUALITY })
      .toBuffer();
  }
}

/** The decoder gives no classes of errors: whatever it fails with, it could not read the image. */
async function readable<T>(decode: () => Promise<T>): Promise<T> {
  try {
    return await decode();
  } catch (error) {
    throw new FileRejected('unreadable-image', (error as Error).message, { cause: error });
  }
}
