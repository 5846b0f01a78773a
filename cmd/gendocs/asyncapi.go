package main

import (
	"strings"

	"prepayledger/consumers/commandjson"
	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/natsintake"
)

// apiVersion is the version of the interface over NATS: its first number
// grows when something changes that breaks others.
const apiVersion = "1.0.0"

// preamble tells that the file is made.
const preamble = "# Made from the code by `go run ./cmd/gendocs`; a test compares it.\n"

// asyncAPI writes the interface over NATS as AsyncAPI 3.0.
func asyncAPI(s *schemas, events []event) ([]byte, error) {
	d := &document{schemas: s}
	d.charges()
	d.usage()
	d.commands()
	if err := d.gate(); err != nil {
		return nil, err
	}
	d.why()
	d.events(events)
	if err := d.notices(); err != nil {
		return nil, err
	}
	if err := d.buckets(); err != nil {
		return nil, err
	}
	d.add(&d.messages, "Error", message("Not done: a rejection by the rules, a conflict or a failure.", s.of(&natsintake.ErrorReply{})))
	text, err := toYAML(object{
		{"asyncapi", "3.0.0"},
		{"info", object{
			{"title", "prepay over NATS"},
			{"version", apiVersion},
			{"description", "The prepayment ledger's interface over NATS: usage and commands in; events, notices and states out. Amounts are exact decimals, written as strings. A reply, and an acknowledgement by the ledger, come after its fsync. In what the ledger writes, fields may be added: ignore those that you don't know."},
			{"license", object{{"name", "Apache-2.0"}}},
		}},
		{"defaultContentType", "application/json"},
		{"servers", object{{"embedded", object{
			{"host", "localhost:4222"}, {"protocol", "nats"},
			{"description", "The server in the process of `prepay serve`, or the NATS cluster that it is given."},
		}}}},
		{"channels", d.channels},
		{"operations", d.operations},
		{"components", object{{"messages", d.messages}, {"messageTraits", d.traits}, {"schemas", d.schemasOut}}},
	})
	return append([]byte(preamble), text...), err
}

// document is the interface in the making.
type document struct {
	schemas                                            *schemas
	channels, operations, messages, traits, schemasOut object
}

func (d *document) add(to *object, key string, value any) { *to = append(*to, member{key, value}) }

// message is a message with a payload.
func message(summary string, payload any) object {
	return object{{"summary", summary}, {"payload", payload}}
}

func ref(path string) object { return object{{"$ref", "#/" + path}} }

// channel adds a channel whose messages have the names of components.
func (d *document) channel(name string, address any, description string, parameters object, messages ...string) {
	c := object{{"address", address}, {"description", description}}
	if parameters != nil {
		c = append(c, member{"parameters", parameters})
	}
	refs := object{}
	for _, m := range messages {
		refs = append(refs, member{m, ref("components/messages/" + m)})
	}
	d.add(&d.channels, name, append(c, member{"messages", refs}))
}

// operation adds what the ledger does with a channel.
func (d *document) operation(name, action, channel, summary string, reply string) {
	o := object{{"action", action}, {"channel", ref("channels/" + channel)}, {"summary", summary}}
	if reply != "" {
		o = append(o, member{"reply", object{{"channel", ref("channels/" + reply)}}})
	}
	d.add(&d.operations, name, o)
}

// charges describes single charges.
func (d *document) charges() {
	d.add(&d.schemasOut, "Charge", chargeSchema())
	d.add(&d.schemasOut, "Webhook", webhookSchema())
	d.add(&d.messages, "Charge", message("One charge, rated or to be rated here.", ref("components/schemas/Charge")))
	d.add(&d.messages, "Webhook", message("A payload of the Cloud API's webhook, as Meta sends it.", ref("components/schemas/Webhook")))
	d.add(&d.messages, "ChargeReply", message("What became of the charge, on disk.", d.schemas.of(&natsintake.ChargeReply{})))
	d.channel("charge", natsbus.ChargeSubject, "Single charges by request. A webhook on this subject holds one charge at most; more are refused. Where too much waits already the reply is an error with the code overloaded.", nil, "Charge", "Webhook")
	d.channel("chargeReply", nil, "The requester's inbox.", nil, "ChargeReply", "Error")
	d.operation("takeCharge", "receive", "charge", "Charges once ever per charge id (R8) and answers after the fsync.", "chargeReply")
}

// usage describes the work queue.
func (d *document) usage() {
	d.add(&d.messages, "Batch", object{
		{"summary", "Lines of charges and webhooks, in any mixture (NDJSON)."},
		{"contentType", "application/x-ndjson"},
		{"payload", object{{"type", "string"}, {"description", "One JSON object a line: a Charge or a Webhook."}}},
		{"headers", object{{"type", "object"}, {"properties", object{
			{"Content-Encoding", object{{"type", "string"}, {"enum", []string{"gzip", "identity"}}, {"description", "How the message is compressed; absent for not at all."}}},
			{"traceparent", object{{"type", "string"}, {"description", "W3C trace context."}}},
		}}}},
	})
	d.channel("usage", natsbus.UsageSubject, "The work queue of stream "+natsbus.UsageStream+": publish through JetStream and wait for its acknowledgement. A full queue refuses what comes: try again. What can't be read is quarantined (R10).", nil, "Charge", "Webhook", "Batch")
	d.operation("takeUsage", "receive", "usage", "Charges everything in the message; it leaves the queue after the fsync. It may come more than once, which changes nothing (R8).", "")
}

// commands describes the commands, a channel each.
func (d *document) commands() {
	d.add(&d.messages, "CommandReply", message("Done, on disk, and how the account stands.", d.schemas.of(&natsintake.CommandReply{})))
	d.channel("commandReply", nil, "The requester's inbox.", nil, "CommandReply", "Error")
	for _, name := range commandjson.Names() {
		d.add(&d.messages, name, message(commandjson.Summary(name), commandjson.RequestSchema(name)))
		d.channel("command"+name, natsbus.CommandPrefix+name, commandjson.Summary(name), nil, name)
		d.operation("do"+name, "receive", "command"+name, commandjson.Summary(name), "commandReply")
	}
}

// gate describes the question whether a channel may send.
func (d *document) gate() error {
	state, err := committed("channel-state")
	if err != nil {
		return err
	}
	d.add(&d.schemasOut, "ChannelState", state)
	d.add(&d.messages, "GateQuestion", message("May this channel send?", object{
		{"type", "object"}, {"required", []string{"channel_id"}},
		{"properties", object{{"channel_id", object{{"type", "string"}, {"minLength", 1}, {"description", "The channel's id."}}}}},
	}))
	d.add(&d.messages, "ChannelState", message("Whether a channel may send, since when, and what a sender is told (R21).", ref("components/schemas/ChannelState")))
	d.channel("gateCheck", natsbus.GateSubject, "Whether a channel may send, by request. A gateway rather watches the bucket "+natsbus.ChannelsBucket+".", nil, "GateQuestion")
	d.channel("gateReply", nil, "The requester's inbox; the codes of errors are unknown_channel, malformed and unavailable.", nil, "ChannelState", "Error")
	d.operation("answerGate", "receive", "gateCheck", "Answers as the bucket has it.", "gateReply")
	return nil
}

// events describes the stream of events.
func (d *document) events(events []event) {
	d.add(&d.traits, "Event", object{{"headers", eventHeaders(true)}})
	var names []string
	for _, e := range events {
		name := "event" + e.name
		names = append(names, name)
		d.add(&d.messages, name, object{
			{"name", e.name}, {"summary", e.comment}, {"traits", []object{ref("components/messageTraits/Event")}}, {"payload", e.schema},
		})
	}
	d.channel("events", natsbus.EventsPrefix+"{kind}.{key}.{type}",
		"Every event, once and in the order of the log, in stream "+natsbus.EventsStream+" (the subject's current stream after a repair). CloudEvents 1.0 in binary mode. Bytes in a token other than letters, digits, - and _ are written as =XX.",
		object{
			{"kind", object{{"description", "The stream's kind, such as account."}}},
			{"key", object{{"description", "The stream's key, such as the partner id."}}},
			{"type", object{{"description", "The event's type."}}},
		}, names...)
	d.operation("publishEvent", "send", "events", "Publishes what the log says, after it is on disk.", "")
}

// eventHeaders are those of CloudEvents and the ledger's own.
func eventHeaders(versioned bool) object {
	text := func(description string) object { return object{{"type", "string"}, {"description", description}} }
	properties := object{
		{"ce-id", text("The event's id, the same however often it is published.")},
		{"ce-source", text("Which ledger.")},
		{"ce-type", text("The event's type.")},
		{"ce-specversion", object{{"type", "string"}, {"const", "1.0"}}},
		{"ce-subject", text("The stream, or the account, that it concerns.")},
		{"ce-time", text("When it happened, RFC 3339.")},
		{"ce-datacontenttype", object{{"type", "string"}, {"const", "application/json"}}},
		{"Nats-Msg-Id", text("As ce-id.")},
		{natsbus.RevisionHeader, text("The event's revision in its stream, from 0, without gaps.")},
		{natsbus.PositionHeader, text("The event's position in the log.")},
		{natsbus.BalanceHeader, text("The account's balance after the event; only for events of accounts.")},
	}
	if versioned {
		properties = append(properties, member{natsbus.VersionHeader, text("The version of the payload's schema. Events of older versions stay as they were written.")})
	}
	return object{{"type", "object"}, {"properties", properties}}
}

// notices describes what people should know.
func (d *document) notices() error {
	d.add(&d.traits, "Notice", object{{"headers", eventHeaders(false)}})
	const prefix = "notice-"
	files, err := committedWith(prefix)
	if err != nil {
		return err
	}
	var names []string
	for _, file := range files {
		schema, err := committed(file)
		if err != nil {
			return err
		}
		kind := strings.TrimPrefix(file, prefix)
		names = append(names, "notice"+kind)
		d.add(&d.messages, "notice"+kind, object{{"name", kind}, {"traits", []object{ref("components/messageTraits/Notice")}}, {"payload", schema}})
	}
	d.channel("notices", natsbus.NoticesPrefix+"{partner_id}.{kind}", "What people should know, once each, in stream "+natsbus.NoticesStream+". CloudEvents 1.0 in binary mode.",
		object{{"partner_id", object{{"description", "The account."}}}, {"kind", object{{"description", "What it is about."}}}}, names...)
	d.operation("publishNotice", "send", "notices", "Publishes notices that follow from events.", "")
	return nil
}

// buckets describes the key-value buckets.
func (d *document) buckets() error {
	for _, b := range []struct{ channel, bucket, file, name, key, what string }{
		{"channelStates", natsbus.ChannelsBucket, "", "ChannelState", "channel_id", "Whether each channel may send: watch it, and answer from memory."},
		{"accountStates", natsbus.AccountsBucket, "account-state", "AccountState", "partner_id", "Each account's figures."},
		{"heartbeat", natsbus.ChannelsBucket, "heartbeat", "Heartbeat", "", "How a reader knows that the buckets are up to date."},
	} {
		if b.file != "" {
			schema, err := committed(b.file)
			if err != nil {
				return err
			}
			d.add(&d.messages, b.name, message(b.what, schema))
		}
		address, parameters := "$KV."+b.bucket+".prepay.heartbeat", object(nil)
		if b.key != "" {
			address = "$KV." + b.bucket + ".{" + b.key + "}"
			parameters = object{{b.key, object{{"description", "Bytes other than letters, digits, - and _ are written as =XX."}}}}
		}
		d.channel(b.channel, address, "Key-value bucket "+b.bucket+". "+b.what, parameters, b.name)
		d.operation("keep"+strings.ToUpper(b.channel[:1])+b.channel[1:], "send", b.channel, b.what, "")
	}
	return nil
}
