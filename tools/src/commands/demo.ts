import { createHash } from 'node:crypto';
import { ApiClient, type Customer, type Order, type StoredFile } from '../clients/api-client.ts';
import { MailInbox, type Mail } from '../clients/mail-inbox.ts';
import { PaymentSandboxClient } from '../clients/payment-sandbox-client.ts';
import { awaited, Narrator } from '../demo/narrator.ts';
import { sampleCsv, samplePng } from '../demo/sample-files.ts';
import { readEndpoints } from '../system/endpoints.ts';
import { runningStart } from '../system/local-lock.ts';

/** `npm run demo`: the flows of the system, through its public API, up to the mails that arrive. */

const endpoints = (await runningStart()) === undefined ? undefined : await readEndpoints();
if (!endpoints) {
  console.error(
    'Warren is not running, or not ready yet. Run `npm start` in another terminal, then the demo.',
  );
  process.exit(1);
}
const { mailInbox } = endpoints;
const CSV_ROWS = 250;
const api = new ApiClient(endpoints.gateway);
const sandbox = new PaymentSandboxClient(endpoints.paymentSandbox);
const narrator = new Narrator();
let customer: Customer;
/** What each mail is about, and what it has to name. */
const expectedMails: { about: string; names: string }[] = [];

await narrator.part('An account', async () => {
  customer = await api.newCustomer('Ada Lovelace');
  narrator.happened(`${customer.email} signed up and in`);
  expectedMails.push({ about: 'Welcome', names: 'Ada Lovelace' });
});
if (narrator.failed > 0) process.exit(1); // without an account there is nothing more to show

await narrator.part('An order that is paid and confirmed', async () => {
  const { items: products } = await api.products(customer);
  narrator.happened(`order-service answered over RabbitMQ: ${products.length} products`);
  const product = products.find(({ available }) => available >= 2);
  if (!product) throw new Error('No product has two pieces left: `npm run reset` fills the shelves again');
  const order = await followOrder([{ sku: product.sku, quantity: 2 }], 'confirmed', `2 × ${product.name}`);
  const [payment] = await sandbox.paymentsOf(order.id);
  if (payment?.status !== 'approved') throw new Error('The payment provider knows of no payment for it');
  const { amount, currency } = payment.amount;
  narrator.happened(
    `the payment provider has ${(amount / 100).toFixed(2)} ${currency} for it: ${payment.id}`,
  );
});

await narrator.part('An order whose payment is declined', async () => {
  const lines = [{ sku: 'SKU-TEACUP', quantity: 1 }];
  const order = await followOrder(lines, 'cancelled', '1 × SKU-TEACUP, with tok_declined', {
    paymentToken: 'tok_declined',
  });
  if (order.reason !== 'payment-declined') throw new Error(`It was cancelled because of: ${order.reason}`);
});

await narrator.part('An order that its customer cancels', async () => {
  const lines = [{ sku: 'SKU-TEACUP', quantity: 1 }];
  const order = await followOrder(
    lines,
    'cancelled',
    '1 × SKU-TEACUP, with tok_never, which is not decided',
    {
      paymentToken: 'tok_never',
      async onStatus(id, status) {
        if (status !== 'awaiting-payment') return;
        await customer.cancelOrder(id);
        narrator.happened('the customer cancels it');
      },
    },
  );
  if (order.reason !== 'customer') throw new Error(`It was cancelled because of: ${order.reason}`);
});

await narrator.part('An order that is rejected', async () => {
  await followOrder([{ sku: 'SKU-SOLD-OUT', quantity: 1 }], 'rejected', '1 × SKU-SOLD-OUT');
});

await narrator.part('An image', async () => {
  const bytes = samplePng(1200, 800);
  const file = await followFile('gradient.png', bytes);
  const derivatives = file.derivatives.map(({ name }) => name).join(', ');
  if (file.mediaType !== 'image/png') throw new Error(`It was taken for ${file.mediaType}, not image/png`);
  if (!derivatives) throw new Error('It has no thumbnail');
  narrator.happened(`thumbnail: ${derivatives}`);
});

await narrator.part('A table', async () => {
  const file = await followFile('items.csv', sampleCsv(CSV_ROWS));
  if (file.result?.rows !== CSV_ROWS) {
    throw new Error(`It has ${CSV_ROWS} rows, and the result is ${JSON.stringify(file.result)}`);
  }
  narrator.happened(`${CSV_ROWS} rows counted`);
});

await narrator.part('The mails', async () => {
  if (!mailInbox)
    throw new Error('WARREN_MAIL_INBOX_URL is not set, so nobody can look whether mails arrived');
  const inbox = new MailInbox(mailInbox);
  await Promise.all(
    expectedMails.map(async ({ about, names }) => {
      const find = async () => (await inbox.to(customer.email)).find((mail) => mentions(mail, names));
      try {
        const mail = await awaited(`A mail about "${about}" that names ${names}`, find);
        narrator.happened(`${about}: "${mail.subject}"`);
      } catch (error) {
        narrator.missing((error as Error).message);
      }
    }),
  );
  const arrived = await inbox.to(customer.email);
  if (arrived.length > expectedMails.length) {
    throw new Error(`${arrived.length} mails arrived where ${expectedMails.length} were due`);
  }
  narrator.happened(`look at them in the inbox: ${mailInbox}`);
});

console.log(
  narrator.failed === 0 ? '\nAll of it happened.' : `\n${narrator.failed} of it did not happen, see ✗ above.`,
);
process.exit(narrator.failed === 0 ? 0 : 1);

interface FollowOptions {
  paymentToken?: string;
  /** Called once for each status that is seen, but for the last. */
  onStatus?: (id: string, status: string) => Promise<void>;
}

async function followOrder(
  lines: { sku: string; quantity: number }[],
  end: string,
  what: string,
  { paymentToken, onStatus }: FollowOptions = {},
): Promise<Order> {
  const id = await customer.placeOrder(lines, undefined, paymentToken);
  narrator.happened(`accepted: ${what}, order ${id}`);
  expectedMails.push({ about: `Order ${end}`, names: id });
  let told = 0;
  let last = 'nothing';
  const order = await awaited(
    `"${end}"`,
    async () => {
      const seen = await customer.order(id);
      for (const { type } of seen.history.slice(told)) narrator.happened(type);
      told = seen.history.length;
      if (seen.status === end) return seen;
      if (['confirmed', 'rejected', 'cancelled'].includes(seen.status)) {
        throw new Error(`The order is ${seen.status} (${seen.reason ?? 'without a reason'}), not ${end}`);
      }
      if (seen.status !== last) await onStatus?.(id, seen.status);
      last = seen.status;
      return undefined;
    },
    () => last,
  );
  narrator.happened(`the order is ${end}${order.reason ? `: ${order.reason}` : ''}`);
  return order;
}

async function followFile(name: string, bytes: Buffer): Promise<StoredFile> {
  const id = await customer.upload(name, bytes);
  narrator.happened(`uploaded: ${name}, ${bytes.length} bytes, file ${id}`);
  expectedMails.push({ about: `File processed (${name})`, names: id });
  let last = 'nothing';
  const file = await awaited(
    '"processed"',
    async () => {
      const seen = await customer.file(id);
      last = seen.status;
      if (seen.status === 'rejected') throw new Error(`The file was rejected: ${seen.reason}`);
      return seen.status === 'processed' ? seen : undefined;
    },
    () => last,
  );
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (file.sha256 !== sha256)
    throw new Error(`Its SHA-256 is ${sha256}, and the worker found ${file.sha256}`);
  narrator.happened(`processed: ${file.mediaType}, SHA-256 ${sha256.slice(0, 16)}… is right`);
  return file;
}

/** Whether a text stands in the mail, in its subject or in either of its forms. */
function mentions(mail: Mail, text: string): boolean {
  return [mail.subject, mail.text, mail.html].some((part) => part?.includes(text));
}
