// Reads the events that Leadmill sends to the Kafka topic events (LEADMILL_EVENTS_SINK=kafka://…/events) and prints what is earned by each lead that is
// sold. Each comes at least once: keep the ids of those that were handled with what they did, as webhook.ts does.
//
//   KAFKA_BROKERS      127.0.0.1:9092, several with commas between
//   node kafka.js 10   ends after so many events; else it goes on
import type { EventData } from '@leadmill/sdk';
import kafkajs from 'kafkajs';
// @ts-expect-error it has no types
import snappy from 'kafkajs-snappy';

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs;
CompressionCodecs[CompressionTypes.Snappy] = snappy; // by which Leadmill compresses, and which kafkajs leaves to this package
let left = Number(process.argv[2] ?? Infinity);
const kafka = new Kafka({ brokers: (process.env['KAFKA_BROKERS'] ?? '').split(','), logLevel: logLevel.ERROR });
const consumer = kafka.consumer({ groupId: 'earnings-node' });
await consumer.connect();
await consumer.subscribe({ topic: 'events', fromBeginning: true });
await consumer.run({
  // An offset is committed after what lies before it was handled.
  eachMessage: async ({ message }) => {
    // The attributes of the CloudEvent are headers, and the value is its data.
    if (String(message.headers?.['ce_type']) !== 'lead.sold.v1' || left <= 0) {
      return;
    }
    const sold = JSON.parse(String(message.value)) as EventData['lead.sold.v1'];
    console.log(String(message.headers?.['ce_id']), sold.lead_id, 'earned', sold.partner_id, sold.payout);
    if (--left === 0) {
      setImmediate(() => void consumer.disconnect()); // which waits until this one is committed
    }
  },
});
