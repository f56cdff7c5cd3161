import { Controller } from '@nestjs/common';
import {
  contractOf,
  OrderConfirmedV1,
  OrderPlacedV1,
  OrderRejectedV1,
  parseSequence,
} from '@warren/contracts';
import { HandleMessage, type MessageContext } from '@warren/messaging';
import { applyOrderChange } from '../storage/order-views.ts';

/** Keeps the customers' view of their orders up to date. */
@Controller()
export class OrderViewHandlers {
  @HandleMessage(OrderPlacedV1)
  async placed(data: OrderPlacedV1, { envelope, tx }: MessageContext): Promise<void> {
    await applyOrderChange(tx, {
      ...data,
      status: 'placed',
      version: parseSequence(envelope.sequence),
      type: contractOf(OrderPlacedV1).type,
      at: data.placedAt,
    });
  }

  @HandleMessage(OrderConfirmedV1)
  async confirmed(data: OrderConfirmedV1, { envelope, tx }: MessageContext): Promise<void> {
    await applyOrderChange(tx, {
      ...data,
      status: 'confirmed',
      version: parseSequence(envelope.sequence),
      type: contractOf(OrderConfirmedV1).type,
      at: data.confirmedAt,
    });
  }

  @HandleMessage(OrderRejectedV1)
  async rejected(data: OrderRejectedV1, { envelope, tx }: MessageContext): Promise<void> {
    await applyOrderChange(tx, {
      ...data,
      status: 'rejected',
      version: parseSequence(envelope.sequence),
      type: contractOf(OrderRejectedV1).type,
      at: data.rejectedAt,
    });
  }
}
