import {
  contractOf,
  FILE_REJECTION_REASONS,
  FileProcessedV1,
  FileRejectedV1,
  ORDER_CANCELLATION_REASONS,
  ORDER_REJECTION_REASONS,
  OrderCancelledV1,
  OrderConfirmedV1,
  OrderRejectedV1,
  UserRegisteredV1,
} from '@warren/contracts';
import fc from 'fast-check';
import type { MailDocument } from './document.ts';
import { fileProcessed } from './file-processed.ts';
import { fileRejected } from './file-rejected.ts';
import { formatMoney, formatSize } from './formats.ts';
import { orderCancelled } from './order-cancelled.ts';
import { orderConfirmed } from './order-confirmed.ts';
import { orderRejected } from './order-rejected.ts';
import { renderHtml } from './render-html.ts';
import { renderText } from './render-text.ts';
import { welcome } from './welcome.ts';

const order = contractOf(OrderConfirmedV1).example;
const rejectedOrder = contractOf(OrderRejectedV1).example;
const cancelledOrder = contractOf(OrderCancelledV1).example;
const file = contractOf(FileProcessedV1).example;
const rejectedFile = contractOf(FileRejectedV1).example;
const user = contractOf(UserRegisteredV1).example;

/** Both parts without markup, so that one expectation checks that they say the same. */
function partsOf(document: MailDocument): string[] {
  const visible = renderHtml(document)
    .replace(/<title>.*<\/title>/, '')
    .replace(/<[^>]*>/g, '\n')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');
  return [renderText(document), visible];
}

describe('the mails', () => {
  it('greet a newcomer by name', () => {
    for (const part of partsOf(welcome(user))) expect(part).toContain('Welcome, Ada Lovelace');
  });

  it('tell of a confirmed order with its full id, its lines and its total', () => {
    const document = orderConfirmed(order, 'Ada');
    expect(document.subject).toContain(order.orderId);
    for (const part of partsOf(document)) {
      for (const shown of ['Hello Ada', order.orderId, 'Teapot', '2 × €24.50', 'SKU-TEAPOT', '€49.00']) {
        expect(part).toContain(shown);
      }
    }
  });

  it.each(ORDER_REJECTION_REASONS)('tell of an order rejected for %s with its full id and SKU', (reason) => {
    const document = orderRejected({ ...rejectedOrder, reason }, 'Ada');
    expect(document.subject).toContain(rejectedOrder.orderId);
    for (const part of partsOf(document)) {
      expect(part).toContain(rejectedOrder.orderId);
      expect(part).toContain('SKU-SOLD-OUT');
      expect(part).not.toContain(reason);
    }
  });

  it.each(ORDER_CANCELLATION_REASONS)(
    'tell of an order cancelled for %s with its full id, what was ordered, and that nothing is charged',
    (reason) => {
      const document = orderCancelled({ ...cancelledOrder, reason }, 'Ada');
      expect(document.subject).toContain(cancelledOrder.orderId);
      for (const part of partsOf(document)) {
        for (const shown of ['Hello Ada', cancelledOrder.orderId, 'Teapot', '2 × €24.50', '€49.00']) {
          expect(part).toContain(shown);
        }
        expect(part).toContain('Nothing is charged.');
        expect(part).not.toContain(reason === 'customer' ? 'Reason: customer' : reason);
      }
    },
  );

  it('tell each reason of a cancellation in other words', () => {
    const texts = ORDER_CANCELLATION_REASONS.map((reason) =>
      renderText(orderCancelled({ ...cancelledOrder, reason }, 'Ada')),
    );
    expect(texts).toEqual([
      expect.stringContaining('Your payment was declined.'),
      expect.stringContaining('We heard nothing of your payment for too long.'),
      expect.stringContaining('You cancelled it.'),
    ]);
  });

  it.each(['payment-expired', 'customer'] as const)(
    'say that what is paid after a cancellation (%s) is refunded',
    (reason) => {
      for (const part of partsOf(orderCancelled({ ...cancelledOrder, reason }, 'Ada'))) {
        expect(part).toContain('it is refunded in full');
      }
    },
  );

  it('tell of a processed file with its full id and all that was found out', () => {
    for (const part of partsOf(fileProcessed(file, 'Ada'))) {
      for (const shown of [file.fileId, file.name, 'image/jpeg', '2.5 MB (2,483,112 bytes)', file.sha256]) {
        expect(part).toContain(shown);
      }
      expect(part).toContain('4,000 × 3,000 pixels');
      expect(part).not.toContain('Rows');
    }
  });

  it('tell the number of rows where the file has rows', () => {
    for (const part of partsOf(fileProcessed({ ...file, result: { rows: 12_345 } }, 'Ada'))) {
      expect(part).toContain('12,345');
      expect(part).not.toContain('Dimensions');
    }
  });

  it.each(FILE_REJECTION_REASONS)(
    'tell of a file rejected for %s with its full id and in words',
    (reason) => {
      for (const part of partsOf(fileRejected({ ...rejectedFile, reason }, 'Ada'))) {
        expect(part).toContain(rejectedFile.fileId);
        expect(part).toContain('holiday.jpg');
        expect(part).not.toContain(reason);
      }
    },
  );

  it('show a name that is HTML as the text that it is', () => {
    const html = renderHtml(welcome({ ...user, displayName: '<img src=x onerror="alert(1)"> & co' }));
    expect(html).toContain('Welcome, &lt;img src=x onerror=&quot;alert(1)&quot;&gt; &amp; co');
    expect(html).not.toContain('<img');
  });

  it('have the same markup and the same lines whatever the names in them are', () => {
    const tags = (html: string) => html.match(/<[^>]*>/g);
    const lines = (text: string) => text.split('\n').length;
    const plain = fileProcessed({ ...file, name: 'x' }, 'x');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), (name, displayName) => {
        const document = fileProcessed({ ...file, name }, displayName);
        expect(tags(renderHtml(document))).toEqual(tags(renderHtml(plain)));
        expect(lines(renderText(document))).toBe(lines(renderText(plain)));
      }),
    );
  });
});

describe('formats', () => {
  it.each([
    [{ amount: 0, currency: 'EUR' }, '€0.00'],
    [{ amount: 5, currency: 'EUR' }, '€0.05'],
    [{ amount: 123_456, currency: 'EUR' }, '€1,234.56'],
    [{ amount: 500, currency: 'JPY' }, '¥500'],
    [{ amount: Number.MAX_SAFE_INTEGER, currency: 'EUR' }, '€90,071,992,547,409.91'],
  ])('show %j exactly', (money, shown) => {
    expect(formatMoney(money)).toBe(shown);
  });

  it.each([
    [0, '0 bytes'],
    [1, '1 byte'],
    [999, '999 bytes'],
    [1_000, '1 kB (1,000 bytes)'],
    [10_737_418_240, '10.7 GB (10,737,418,240 bytes)'],
  ])('show %d bytes as people read them', (bytes, shown) => {
    expect(formatSize(bytes)).toBe(shown);
  });
});
