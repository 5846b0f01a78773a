// A Node client that reads once and is idle until its standard input ends. It
// pings only while a call is open, so that it has an idle subscription.
import { once } from "node:events";
import { EventStoreDBClient, START, END } from "@eventstore/db-client";

const client = EventStoreDBClient.connectionString(process.argv[2]);
const read = async () => {
  for await (const _ of client.readAll({ fromPosition: START, maxCount: 1 }));
};
await read();
const live = client.subscribeToAll({ fromPosition: END });
live.on("error", (err) => console.error("the subscription ended:", err.message));
live.resume();
process.stdin.resume();
await once(process.stdin, "end");
await read();
await live.unsubscribe();
await client.dispose();
