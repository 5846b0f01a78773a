// Package usage reads what was used: files and streams of conversation
// charges and of the Cloud API's webhooks, into domain.Charge.
//
// # Formats
//
// NDJSON: one JSON object a line, either a charge or a webhook (its "object"
// is "whatsapp_business_account"), in any mixture. A charge has the fields
// charge_id, category, pricing_model (PMP or CBP), occurred_at (RFC 3339), at
// least one of market, country and recipient, and optionally partner_id,
// channel_id, waba_id, pricing_type, amount, currency. An amount is a decimal
// string or a JSON number in plain notation, read by its digits and never
// through a float. null and the empty string are as good as no field, except
// for an amount.
//
// CSV: the same fields; the header names the columns in any order. Fields may
// be quoted (RFC 4180), but a record never spans lines: no field of a charge
// has a line break, and so a lost quote spoils one line and not the rest of
// the file.
//
// Both in UTF-8, with or without byte order mark, any line ends, plain or
// compressed with gzip.
//
// # What is wrong is delivered too
//
// A record that can't be read is never dropped (R10): it is delivered as a
// malformed charge, with what could be read of it and a sentence that names
// file, line and field. That goes also for a field that is not known (a
// misspelt "ammount" must not turn a rated charge into an unrated one), for
// one that is there twice, and for lines beyond MaxLineBytes. Only a CSV
// header that is wrong refuses the whole file (HeaderError), and only a
// source that breaks ends it early (SourceError), after everything before the
// break was delivered.
//
// # Speed
//
// A Splitter cuts the source into blocks of whole lines; Decoders turn blocks
// into batches, in parallel; ReadAll does both and delivers in order. Plain
// lines take a path of their own (record.readFast) that gives up as soon as
// it sees anything unusual; encoding/json then reads the line again. Both
// give the same result.
package usage
