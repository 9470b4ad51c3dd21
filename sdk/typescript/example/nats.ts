// Reads the events that Leadmill sends to NATS JetStream (LEADMILL_EVENTS_SINK=nats://…/EVENTS) and prints what is earned by each lead that is sold.
// Each comes at least once: keep the ids of those that were handled with what they did, as webhook.ts does.
//
//   NATS_URL          nats://127.0.0.1:4222
//   node nats.js 10   ends after so many events; else it goes on
import type { EventData } from '@leadmill/sdk';
import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';

let left = Number(process.argv[2] ?? Infinity);
const connection = await connect({ servers: process.env['NATS_URL'] ?? '' });
const manager = await jetstreamManager(connection);
// NATS keeps under this name what was acknowledged. One at a time keeps the order, also when one is sent again.
const durable = 'earnings-node';
await manager.consumers.add('EVENTS', { durable_name: durable, filter_subject: 'EVENTS.*.lead.sold.v1', ack_policy: AckPolicy.Explicit, max_ack_pending: 1 });

const consumer = await jetstream(connection).consumers.get('EVENTS', durable);
for await (const message of await consumer.consume()) {
  const sold = message.json<EventData['lead.sold.v1']>();
  console.log(message.headers?.get('ce-id'), sold.lead_id, 'earned', sold.partner_id, sold.payout);
  await message.ackAck(); // after what the event did is stored
  if (--left <= 0) {
    break;
  }
}
await connection.drain();
