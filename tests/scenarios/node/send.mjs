// One message by the official client, as its samples send it. Arguments: connection string, sender, recipient, subject.
import { EmailClient } from "@azure/communication-email";

const [connection, sender, recipient, subject] = process.argv.slice(2);
const client = new EmailClient(connection);
const message = {
  senderAddress: sender,
  content: { subject, plainText: "Your code is 4711.", html: "<p>Your code is <b>4711</b>.</p>" },
  recipients: { to: [{ address: recipient, displayName: "Reader" }] },
  headers: { "X-Goodstanding-Trigger": "what=login; from=203.0.113.9" },
};
try {
  const poller = await client.beginSend(message);
  const result = await poller.pollUntilDone();
  console.log(JSON.stringify({ id: result.id, status: result.status, error: result.error }));
} catch (problem) {
  console.log(JSON.stringify({ code: problem.code, statusCode: problem.statusCode, message: problem.message }));
}
