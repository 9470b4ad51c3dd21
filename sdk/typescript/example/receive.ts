// Takes what is signed with LEADMILL_SECRET, at 127.0.0.1:8090.
import { createServer } from 'node:http';
import { verifyWebhook, WebhookError } from '@leadmill/sdk';

createServer(async (request, response) => {
  try {
    const parts: Buffer[] = [];
    for await (const part of request) {
      parts.push(part as Buffer);
    }
    // Give the old and the new secret while one is rotated.
    const message = await verifyWebhook([process.env['LEADMILL_SECRET'] ?? ''], request.headers, Buffer.concat(parts));
    console.log(message.id, message.body); // pass over an id that was handled before
    response.end();
  } catch (error) {
    response.writeHead(error instanceof WebhookError ? 400 : 500).end();
  }
}).listen(8090, '127.0.0.1');
