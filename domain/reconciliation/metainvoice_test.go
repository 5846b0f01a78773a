package reconciliation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"prepayledger/domain"
)

// decider is either state, for given-when-then.
type decider interface {
	Apply(domain.Event) error
	Decide(domain.Meta, domain.Command) ([]domain.Event, error)
}

// do decides and applies what was decided, through JSON as the store keeps it.
func do(t *testing.T, s decider, actor string, cmd domain.Command) []domain.Event {
	t.Helper()
	events, err := s.Decide(by(actor), cmd)
	if err != nil {
		t.Fatalf("%s: %v", cmd.CommandName(), err)
	}
	apply(t, s, events...)
	return events
}

func apply(t *testing.T, s decider, events ...domain.Event) {
	t.Helper()
	for _, e := range events {
		if err := s.Apply(stored(t, e)); err != nil {
			t.Fatal(err)
		}
	}
}

// maxEventBytes is what the store takes at most in one event.
const maxEventBytes = 256 << 10

func stored(t *testing.T, e domain.Event) domain.Event {
	t.Helper()
	data, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > maxEventBytes {
		t.Fatalf("%s has %d bytes", e.EventType(), len(data))
	}
	back := NewEvent(e.EventType())
	if back == nil {
		t.Fatalf("NewEvent does not know %s", e.EventType())
	}
	if err := json.Unmarshal(data, back); err != nil {
		t.Fatal(err)
	}
	return back
}

func refuse(t *testing.T, s decider, actor string, cmd domain.Command, code domain.Code) error {
	t.Helper()
	events, err := s.Decide(by(actor), cmd)
	if len(events) > 0 {
		t.Errorf("%s was rejected and raised events", cmd.CommandName())
	}
	wantCode(t, err, code)
	return err
}

func importing(lines ...InvoiceLine) *ImportMetaInvoice {
	return &ImportMetaInvoice{InvoiceID: "MI-1", Lines: lines, FileName: "inv.csv", SHA256: "abc", FileBytes: 3, File: []byte("a,b")}
}

func TestImportIsKeptLineByLineAndByteByByte(t *testing.T) {
	m := NewMetaInvoice()
	c := importing()
	c.File = bytes.Repeat([]byte("0123456789"), 25_000)
	c.FX = []FXRate{{From: "USD", To: "EUR", Rate: amt("0.92"), Date: "2026-11-01", Source: "ECB"}}
	for i := range 5_000 {
		l := billed(fmt.Sprint("W", i), strings.Repeat("<&>", 40), int64(i), "0.123456789012345678")
		c.Lines = append(c.Lines, l)
	}
	events := do(t, m, "", c)
	var file []byte
	for _, e := range events {
		if d, ok := e.(*MetaInvoiceDocument); ok {
			file = append(file, d.Data...)
		}
	}
	if !bytes.Equal(file, c.File) {
		t.Error("the original file is not what was given")
	}
	d := m.Document()
	if d == nil || d.Version != 1 || len(d.Lines) != 5_000 || d.LinesSHA256 != LinesSHA256(c.Lines) || len(d.FX) != 1 {
		t.Fatalf("%+v", d)
	}
	if _, ok := events[len(events)-1].(*MetaInvoiceSealed); !ok {
		t.Error("the seal is not last")
	}
}

func TestNoDocumentBeforeItsSeal(t *testing.T) {
	m := NewMetaInvoice()
	events, err := m.Decide(by(""), importing(billed("W1", "marketing", 1, "1")))
	if err != nil {
		t.Fatal(err)
	}
	apply(t, m, events[:len(events)-1]...)
	if m.Document() != nil {
		t.Fatal("an unsealed document is visible")
	}
	refuse(t, m, "finance:ana", &AllocateInvoiceLine{Line: 1, OwnCost: true}, domain.UnknownInvoiceLine)
	do(t, m, "", importing(billed("W1", "marketing", 1, "1"))) // the crash is over
	if d := m.Document(); d == nil || d.Version != 2 || len(d.Lines) != 1 {
		t.Fatalf("%+v", d)
	}
}

func TestR28SameInvoiceAgainChangesNothing(t *testing.T) {
	m := NewMetaInvoice()
	c := importing(billed("W1", "marketing", 1, "1"))
	c.FX = []FXRate{{From: "USD", To: "EUR", Rate: amt("0.92")}}
	do(t, m, "", c)
	for name, again := range map[string]*ImportMetaInvoice{
		"same": c, "without rates": importing(c.Lines...),
		"another file": {InvoiceID: "MI-1", Lines: c.Lines, SHA256: "other", File: []byte("x")},
	} {
		if events := do(t, m, "", again); len(events) != 0 {
			t.Errorf("%s: %d events", name, len(events))
		}
	}
	rates := importing(c.Lines...)
	rates.FX = []FXRate{{From: "USD", To: "EUR", Rate: amt("0.93")}}
	do(t, m, "", rates)
	if d := m.Document(); d.Version != 2 || !d.FX[0].Rate.Equal(amt("0.93")) {
		t.Errorf("other rates are a new version: %+v", d)
	}
	do(t, m, "", importing(billed("W1", "marketing", 1, "1.1")))
	if d := m.Document(); d.Version != 3 || !d.Lines[0].Amount.Equal(amt("1.1")) {
		t.Errorf("other lines are a new version: %+v", d)
	}
}

func TestImportRefusesWhatIsNoDocument(t *testing.T) {
	l := billed("W1", "marketing", 1, "1")
	for name, c := range map[string]*ImportMetaInvoice{
		"no id":    {Lines: []InvoiceLine{l}},
		"long id":  {InvoiceID: strings.Repeat("x", MaxInvoiceIDBytes+1), Lines: []InvoiceLine{l}},
		"no lines": {InvoiceID: "MI-1"},
		"bad rate": {InvoiceID: "MI-1", Lines: []InvoiceLine{l}, FX: []FXRate{{From: "USD", To: "USD"}}},
	} {
		if _, err := NewMetaInvoice().Decide(by(""), c); domain.RejectionCode(err) != domain.InvoiceInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	refuse(t, NewMetaInvoice(), "finance:ana", &FinishPosting{}, domain.InvalidSetting)
}

func TestR27Allocate(t *testing.T) {
	m := NewMetaInvoice()
	refuse(t, m, "finance:ana", &AllocateInvoiceLine{Line: 1, OwnCost: true}, domain.UnknownInvoiceLine)
	do(t, m, "", importing(billed("W9", "marketing", 1, "1"), billed("W9", "utility", 1, "2")))
	refuse(t, m, "finance:ana", &AllocateInvoiceLine{Line: 0, OwnCost: true}, domain.UnknownInvoiceLine)
	refuse(t, m, "finance:ana", &AllocateInvoiceLine{Line: 3, OwnCost: true}, domain.UnknownInvoiceLine)
	refuse(t, m, "finance:ana", &AllocateInvoiceLine{Line: 1}, domain.InvalidSetting)
	refuse(t, m, "finance:ana", &AllocateInvoiceLine{Line: 1, PartnerID: "PA-1", OwnCost: true}, domain.InvalidSetting)
	refuse(t, m, "", &AllocateInvoiceLine{Line: 3, PartnerID: "PA-1"}, domain.ActorRequired)
	refuse(t, m, "", &AllocateInvoiceLine{Line: 3, PartnerID: "PA-9", AccountUnknown: true}, domain.UnknownAccount)

	do(t, m, "finance:ana", &AllocateInvoiceLine{Line: 2, PartnerID: "PA-1"})
	before := m.Document()
	if a := before.Allocations[2]; a.PartnerID != "PA-1" || a.Actor != "finance:ana" || len(before.Allocations) != 1 {
		t.Fatalf("%+v", before.Allocations)
	}
	if events := do(t, m, "finance:ben", &AllocateInvoiceLine{Line: 2, PartnerID: "PA-1"}); len(events) != 0 {
		t.Error("the same word again is no event")
	}
	do(t, m, "finance:ben", &AllocateInvoiceLine{Line: 2, OwnCost: true})
	if a := m.Document().Allocations[2]; !a.OwnCost || a.PartnerID != "" {
		t.Errorf("%+v", a)
	}
	if a := before.Allocations[2]; a.OwnCost {
		t.Error("a document that was handed out has changed")
	}
}

// TestAllocationsStayWithEqualLines: in a corrected version Finance has to
// speak again only on what changed.
func TestAllocationsStayWithEqualLines(t *testing.T) {
	m := NewMetaInvoice()
	twin := billed("W9", "utility", 1, "2")
	do(t, m, "", importing(billed("W9", "marketing", 1, "1"), twin, twin))
	do(t, m, "finance:ana", &AllocateInvoiceLine{Line: 1, OwnCost: true})
	do(t, m, "finance:ana", &AllocateInvoiceLine{Line: 3, PartnerID: "PA-1"})
	do(t, m, "", importing(twin, billed("W9", "marketing", 1, "1.5"), twin))
	if got := m.Document().Allocations; len(got) != 1 || got[1].PartnerID != "PA-1" {
		t.Errorf("%+v", got)
	}
}

func TestMetaInvoiceStreamThatDoesNotFit(t *testing.T) {
	l := []InvoiceLine{billed("W1", "marketing", 1, "1")}
	begin := &MetaInvoiceReceived{InvoiceID: "MI-1", Version: 1}
	lines := &MetaInvoiceLines{Version: 1, First: 1, Lines: l}
	seal := &MetaInvoiceSealed{Version: 1, Count: 1, SHA256: LinesSHA256(l)}
	for name, events := range map[string][]domain.Event{
		"lines of nothing":      {lines},
		"lines missing":         {begin, &MetaInvoiceLines{Version: 1, First: 2, Lines: l}},
		"of another version":    {begin, &MetaInvoiceLines{Version: 2, First: 1, Lines: l}},
		"sealed short":          {begin, seal},
		"sealed with others":    {begin, lines, &MetaInvoiceSealed{Version: 1, Count: 1, SHA256: LinesSHA256(nil)}},
		"a piece missing":       {begin, &MetaInvoiceDocument{Version: 1, Piece: 2}},
		"pieces short":          {begin, lines, &MetaInvoiceSealed{Version: 1, Count: 1, SHA256: seal.SHA256, Pieces: 1}},
		"allocated before":      {begin, lines, &MetaInvoiceLineAllocated{Version: 1, Line: 1}},
		"allocated beyond":      {begin, lines, seal, &MetaInvoiceLineAllocated{Version: 1, Line: 2}},
		"of another stream":     {&ReconciliationPosted{}},
		"sealed twice":          {begin, lines, seal, seal},
		"allocated old version": {begin, lines, seal, &MetaInvoiceLineAllocated{Version: 7, Line: 1}},
	} {
		m, err := NewMetaInvoice(), error(nil)
		for _, e := range events {
			if err = m.Apply(e); err != nil {
				break
			}
		}
		if !errors.Is(err, ErrStream) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTotalsAreSigned(t *testing.T) {
	credit := billed("W1", "marketing", 2, "0.2")
	credit.DocumentType = CreditMemo
	got := Totals([]InvoiceLine{billed("W1", "a", 1, "1"), credit, billed("W1", "b", 2, "2"), credit})
	if len(got) != 2 || got[0].DocumentType != CreditMemo || got[0].Volume != -4 || !got[0].Amount.Equal(amt("-0.4")) || got[1].Lines != 2 || !got[1].Amount.Equal(amt("3")) {
		t.Errorf("%+v", got)
	}
}
