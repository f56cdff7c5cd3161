import { Controller, HttpCode, Inject, Logger, Post, Req } from '@nestjs/common';
import { ApiAcceptedResponse, ApiBody, ApiHeader, ApiOperation, ApiTags } from '@nestjs/swagger';
import { SERVICE_CONFIG } from '@warren/service';
import type { FastifyRequest } from 'fastify';
import { RecordPayment } from '../commands/record-payment.ts';
import type { GatewayConfig } from '../config.ts';
import { InvalidSignature, verifyWebhook, type SignedWebhook } from '../credentials/webhook-signature.ts';
import { ApiProblems } from './api-problems.ts';
import { parseJsonBody, RawJsonBody, rawBodyOf } from './json-body.ts';
import { OUTCOMES, PaymentCallbackRequest } from './payment-callback.request.ts';
import { invalid, isRecord, validated } from './strict-validation.pipe.ts';

/** The payment provider's way in. Whoever knows the secret is believed, and nobody else. */
@ApiTags('Payments')
@Controller('v1/payment-callbacks')
export class PaymentCallbacksController {
  readonly #log = new Logger(PaymentCallbacksController.name);

  constructor(
    private readonly recordPayment: RecordPayment,
    @Inject(SERVICE_CONFIG) private readonly config: GatewayConfig,
  ) {}

  @Post()
  @HttpCode(202)
  @RawJsonBody()
  @ApiOperation({
    summary: 'Tell what became of a payment',
    description:
      'For the payment provider, which signs after Standard Webhooks (https://www.standardwebhooks.com). A callback ' +
      'that is repeated, with its webhook-id and a new webhook-timestamp, is taken and has no second effect. Fields that ' +
      'are not named here are ignored.',
  })
  @ApiHeader({
    name: 'webhook-id',
    required: true,
    description: 'Names the callback, the same at each attempt.',
  })
  @ApiHeader({
    name: 'webhook-timestamp',
    required: true,
    description: 'When this attempt is made, in seconds since 1970; at most 5 minutes from now.',
    schema: { type: 'integer' },
  })
  @ApiHeader({
    name: 'webhook-signature',
    required: true,
    description:
      'Signatures, separated by spaces, of which one has to be "v1," and the Base64 of the HMAC-SHA256 of ' +
      '"<webhook-id>.<webhook-timestamp>.<body>".',
  })
  @ApiBody({ type: PaymentCallbackRequest })
  @ApiAcceptedResponse({ description: 'Taken, now or by an earlier attempt.' })
  @ApiProblems(
    'validation',
    'malformed-json',
    'invalid-signature',
    'callback-replayed',
    'content-too-large',
    'unsupported-media-type',
  )
  async take(@Req() request: FastifyRequest): Promise<void> {
    const callback = this.#signed(request);
    const body = parseJsonBody(request);
    if (isRecord(body) && typeof body['type'] === 'string' && !Object.hasOwn(OUTCOMES, body['type'])) {
      await this.recordPayment.ignore(callback);
      const type = body['type'].slice(0, 100);
      this.#log.warn(`took a callback of a type that means nothing here: ${JSON.stringify(type)}`, {
        callbackId: callback.id,
      });
      return;
    }
    const { id, type, createdAt, payment } = validated(body, PaymentCallbackRequest, 'body', 'ignore');
    if (id !== callback.id) {
      throw invalid([{ in: 'body', pointer: '/id', detail: 'must be the webhook-id' }]);
    }
    const isNew = await this.recordPayment.execute(callback, {
      orderId: payment.reference.toLowerCase(),
      paymentId: payment.id,
      outcome: OUTCOMES[type],
      amount: { amount: payment.amount.amount, currency: payment.amount.currency },
      occurredAt: createdAt,
    });
    if (!isNew) this.#log.log('a callback was repeated that was taken before', { callbackId: id });
  }

  /** @throws InvalidSignature */
  #signed(request: FastifyRequest): SignedWebhook {
    try {
      const keys = this.config.WARREN_PAYMENT_CALLBACK_SECRETS;
      return verifyWebhook(request.raw.headersDistinct, rawBodyOf(request), keys);
    } catch (error) {
      if (error instanceof InvalidSignature) this.#log.warn(`refused a payment callback: ${error.message}`);
      throw error;
    }
  }
}
