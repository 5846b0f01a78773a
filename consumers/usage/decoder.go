package usage

import (
	"bytes"
	"encoding/json"
	"hash/maphash"
	"strings"

	"prepayledger/domain"
	"prepayledger/domain/rating"
)

// Options say how records are understood. Nil fields take the shipped
// defaults.
type Options struct {
	// Markets resolves markets.
	Markets *rating.Markets
	// Free says which conversations are free whose webhook doesn't.
	Free *rating.FreeRules
	// Workers is how many decoders ReadAll runs; default GOMAXPROCS.
	Workers int
}

// Decoder turns blocks into batches. It keeps caches and is for one goroutine
// at a time; run one in each.
type Decoder struct {
	markets      *rating.Markets
	free         *rating.FreeRules
	chargeNames  *fieldNames
	webhookNames *fieldNames
	record       record
	phones       phones
	strings      interner
	csvFields    []string
	// strictOnly switches the fast path off; for tests.
	strictOnly bool
}

// NewDecoder returns a decoder.
func NewDecoder(opts Options) *Decoder {
	d := &Decoder{markets: opts.Markets, free: opts.Free, chargeNames: chargeNames(), webhookNames: webhookNames()}
	d.strings.seed = maphash.MakeSeed()
	if d.markets == nil {
		d.markets = rating.DefaultMarkets()
	}
	if d.free == nil {
		d.free = rating.DefaultFreeRules()
	}
	return d
}

// DecodeBlock empties the batch and fills it with what the block holds. It
// never fails: what can't be read is delivered as malformed.
func (d *Decoder) DecodeBlock(block *Block, b *Batch) {
	b.reset()
	b.FirstLine, b.LastLine, b.Consumed = block.FirstLine, block.FirstLine-1, block.Consumed
	text := string(block.Data) // the one copy that all strings are cut from
	pos := Position{File: block.File, Line: block.FirstLine}
	for data := block.Data; len(data) > 0; pos.Line++ {
		n, next := bytes.IndexByte(data, '\n'), len(data)
		if n >= 0 {
			next = n + 1
		} else {
			n = next
		}
		d.line(data[:n], text[:n], pos, block, b)
		data, text = data[next:], text[next:]
		b.LastLine = pos.Line
	}
	b.Stats.Lines = b.LastLine - b.FirstLine + 1
}

// DecodeMessage empties the batch and fills it with what a message holds: one
// JSON object, however it is laid out, or NDJSON. name stands for the file in
// what is said of malformed records.
func (d *Decoder) DecodeMessage(name string, data []byte, b *Batch) {
	block := &Block{File: name, FirstLine: 1, Data: data, Consumed: int64(len(data))}
	if len(data) <= MaxLineBytes && bytes.IndexByte(bytes.TrimSpace(data), '\n') >= 0 && json.Valid(data) {
		block.Data = bytes.ReplaceAll(data, []byte{'\n'}, []byte{' '})
	}
	d.DecodeBlock(block, b)
}

// DecodeWebhook empties the batch and fills it with what a payload of the Cloud
// API holds, however long it is and however it is laid out. It never fails:
// what can't be read is delivered as malformed.
func (d *Decoder) DecodeWebhook(name string, data []byte, b *Batch) {
	b.reset()
	b.FirstLine, b.LastLine, b.Consumed, b.Stats.Lines = 1, 1, int64(len(data)), 1
	d.webhook(data, Position{File: name, Line: 1}, b)
}

// line decodes one line; text is the same as line.
func (d *Decoder) line(line []byte, text string, pos Position, block *Block, b *Batch) {
	r := &d.record
	r.reset(d.chargeNames)
	if len(line) > MaxLineBytes || block.tooLong {
		d.longLine(line, pos, block, b)
		return
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line, text = line[:n-1], text[:n-1]
	}
	if strings.TrimSpace(text) == "" {
		return
	}
	switch {
	case block.columns != nil:
		r.plain = isPlain(line)
		d.csvFields = r.readCSV(text, block.columns, d.csvFields)
	case !d.strictOnly && isPlain(line) && r.readFast(text):
	default:
		r.reset(d.chargeNames)
		if looksLikeWebhook(text) || r.readStrict(line) {
			d.webhook(line, pos, b)
			return
		}
	}
	it := d.item(source{pos: pos}, b)
	d.build(r, it)
	if it.Charge.Malformed != "" {
		d.spoil(line, it, b)
	}
}

// looksLikeWebhook knows the usual beginning of a webhook.
func looksLikeWebhook(text string) bool {
	rest, ok := strings.CutPrefix(text, `{"object":`)
	return ok && strings.HasPrefix(strings.TrimPrefix(rest, " "), `"`+webhookObject+`"`)
}

// longLine delivers a line beyond MaxLineBytes as malformed, with what its
// beginning tells.
func (d *Decoder) longLine(line []byte, pos Position, block *Block, b *Batch) {
	r := &d.record
	head := line[:min(len(line), domain.MaxRawBytes)]
	if block.columns == nil {
		r.readStrict(head)
	}
	r.field, r.problem = "", ""
	r.fail("", "it is longer than %d bytes; it is no charge, or line breaks are missing", MaxLineBytes)
	it := d.item(source{pos: pos}, b)
	d.build(r, it)
	d.spoil(head, it, b)
}

// item adds an item to the batch.
func (d *Decoder) item(at source, b *Batch) *Item {
	it := b.next()
	it.Pos, it.PhoneNumberID = at.pos, d.strings.intern(at.phoneNumberID)
	if domain.ValidID(at.waba) {
		it.Charge.WABAID = at.waba
	}
	b.Stats.Charges++
	return it
}

// spoil completes a malformed item.
func (d *Decoder) spoil(raw []byte, it *Item, b *Batch) {
	it.Charge.Raw = rawText(raw)
	// Strings that were cut from the block would keep it in quarantine.
	it.Charge.ChargeID = strings.Clone(it.Charge.ChargeID)
	it.Charge.RecipientPrefix = strings.Clone(it.Charge.RecipientPrefix)
	b.Stats.Malformed++
}

// malformed delivers what is no charge at all.
func (d *Decoder) malformed(raw []byte, at source, b *Batch) {
	it := d.item(at, b)
	it.Charge.Malformed = at.pos.describe(d.record.field, d.record.problem)
	d.spoil(raw, it, b)
}
