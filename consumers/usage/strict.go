package usage

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"
)

// webhookObject is what tells a webhook from a charge.
const webhookObject = "whatsapp_business_account"

// readStrict reads any line, and of a broken one what comes before the break.
// It reports true, and has read nothing else, where the line is a webhook.
func (r *record) readStrict(line []byte) (webhook bool) {
	r.validate(line)
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		r.fail("", "it is not a JSON object")
		return false
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return false // validate has said so
		}
		name, _ := key.(string)
		value, err := dec.Token()
		if err != nil {
			return false
		}
		if name == "object" && value == webhookObject {
			return true
		}
		f, known := fieldOf(name)
		switch {
		case !known:
			r.fail(shorten(name), "it is not a field of a charge; the fields are %s", fieldList())
		case !r.mark(f):
			r.fail(name, "it is there twice; leave one out")
		default:
			r.set(f, value)
		}
		if nested(value) && !skip(dec) {
			return false
		}
	}
	return false
}

// validate notes what makes a line no JSON text at all.
func (r *record) validate(line []byte) {
	if !utf8.Valid(line) {
		r.fail("", "it is not UTF-8")
		return
	}
	var whole json.RawMessage
	if err := json.Unmarshal(line, &whole); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			r.fail("", "it is not JSON: %v (byte %d of the line)", err, syntax.Offset)
			return
		}
		r.fail("", "it is not JSON: %v", err)
	}
}

// set takes a value of a known field.
func (r *record) set(f field, value json.Token) {
	name := r.names[f]
	switch v := value.(type) {
	case nil:
	case string:
		r.values[f] = v
		r.priced = r.priced || f == amount
	case json.Number:
		if f != amount {
			r.fail(name, "it is a number; write it as a string")
			return
		}
		r.values[f], r.priced = string(v), true
	default:
		r.fail(name, "it is neither a string nor left out")
	}
}

func nested(value json.Token) bool {
	d, ok := value.(json.Delim)
	return ok && (d == '{' || d == '[')
}

// skip reads to the end of an object or array that was begun; false if the
// line breaks off.
func skip(dec *json.Decoder) bool {
	for depth := 1; depth > 0; {
		token, err := dec.Token()
		if err != nil {
			return false
		}
		if d, ok := token.(json.Delim); ok {
			if d == '{' || d == '[' {
				depth++
			} else {
				depth--
			}
		}
	}
	return true
}

// maxQuoted is how much of a bad value is quoted back, in bytes.
const maxQuoted = 60

// shorten cuts text that comes from outside.
func shorten(s string) string {
	if len(s) <= maxQuoted {
		return s
	}
	return strings.ToValidUTF8(s[:maxQuoted], "") + "…"
}
