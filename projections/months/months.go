// Package months is the read model of month ends: which documents of Meta
// concern a month, and how far its reconciliation is.
package months

import (
	"encoding/json"
	"strings"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
	"prepayledger/projections"
)

// Month is how far a month's reconciliation is. It shows as posted only when
// every account has its adjustment (R29).
type Month struct {
	Month domain.Month `json:"month"`
	// Phase is not_proposed, proposed, approved, posted or withdrawn.
	Phase string `json:"phase"`
	// Run is the newest run proposed, PostedRun the newest posted.
	Run        int          `json:"run"`
	PostedRun  int          `json:"posted_run"`
	ProposedBy string       `json:"proposed_by,omitempty"`
	ApprovedBy string       `json:"approved_by,omitempty"`
	Uninvoiced money.Amount `json:"uninvoiced"`
}

// Model keeps months and the documents of each.
type Model struct {
	view      projections.View
	months    map[domain.Month]*Month
	dirty     map[domain.Month]bool
	documents map[string]map[domain.Month]bool
	fresh     map[string]bool
}

// New returns the model.
func New() *Model { return &Model{} }

// Name implements projections.Model.
func (*Model) Name() string { return "months" }

// Version implements projections.Model.
func (*Model) Version() int { return 1 }

// Load implements projections.Model.
func (m *Model) Load(v projections.View) error {
	*m = Model{view: v, months: map[domain.Month]*Month{}, dirty: map[domain.Month]bool{}, documents: map[string]map[domain.Month]bool{}, fresh: map[string]bool{}}
	for row, err := range v.Scan("month/") {
		if err != nil {
			return err
		}
		month := &Month{}
		if err := json.Unmarshal(row.Value, month); err != nil {
			return err
		}
		m.months[month.Month] = month
	}
	return nil
}

// Apply implements projections.Model.
func (m *Model) Apply(f *projections.Fact) error {
	if id, ok := strings.CutPrefix(f.Stream, "metainvoice-"); ok {
		if lines, ok := f.Event.(*reconciliation.MetaInvoiceLines); ok {
			for i := range lines.Lines {
				m.document(id, lines.Lines[i].Month)
			}
		}
		return nil
	}
	name, ok := strings.CutPrefix(f.Stream, "reconciliation-")
	if !ok || f.Stream == reconciliation.SettingsStream {
		return nil
	}
	month := m.months[domain.Month(name)]
	if month == nil {
		month = &Month{Month: domain.Month(name), Phase: string(reconciliation.NotProposed)}
		m.months[month.Month] = month
	}
	switch e := f.Event.(type) {
	case *reconciliation.ReconciliationProposed:
		month.Phase, month.Run, month.ProposedBy, month.ApprovedBy = string(reconciliation.Proposed), e.Run, e.Actor, ""
		month.Uninvoiced = e.UninvoicedSum
	case *reconciliation.ReconciliationApproved:
		month.Phase, month.ApprovedBy = string(reconciliation.Approved), e.Actor
	case *reconciliation.ReconciliationWithdrawn:
		month.Phase = string(reconciliation.Withdrawn)
	case *reconciliation.ReconciliationPosted:
		month.Phase, month.PostedRun = string(reconciliation.PostedPhase), e.Run
	}
	m.dirty[month.Month] = true
	return nil
}

func (m *Model) document(id string, month domain.Month) {
	if m.documents[id] == nil {
		m.documents[id] = map[domain.Month]bool{}
	}
	if !m.documents[id][month] {
		m.documents[id][month] = true
		m.fresh[string(month)+"/"+id] = true
	}
}

// Flush implements projections.Model.
func (m *Model) Flush(_ projections.View, b *projections.Batch) error {
	for month := range m.dirty {
		if err := b.SetJSON("month/"+string(month), m.months[month]); err != nil {
			return err
		}
	}
	for key := range m.fresh {
		if err := b.Set("document/"+key, []byte("{}")); err != nil {
			return err
		}
	}
	clear(m.dirty)
	clear(m.fresh)
	clear(m.documents)
	return nil
}

// Get returns a month; one that nothing is known of is not proposed.
func (m *Model) Get(month domain.Month) (Month, error) {
	found := Month{Month: month, Phase: string(reconciliation.NotProposed)}
	_, err := m.view.GetJSON("month/"+string(month), &found)
	return found, err
}

// All returns all months that anything is known of.
func (m *Model) All() ([]Month, error) {
	var all []Month
	for row, err := range m.view.Scan("month/") {
		if err != nil {
			return nil, err
		}
		var month Month
		if err := json.Unmarshal(row.Value, &month); err != nil {
			return nil, err
		}
		all = append(all, month)
	}
	return all, nil
}

// DocumentMonth says that a document has lines in a month.
type DocumentMonth struct {
	Month     domain.Month `json:"month"`
	InvoiceID string       `json:"invoice_id"`
}

// AllDocuments returns all documents by the months that they have lines in.
func (m *Model) AllDocuments() ([]DocumentMonth, error) {
	var all []DocumentMonth
	for row, err := range m.view.Scan("document/") {
		if err != nil {
			return nil, err
		}
		month, id, _ := strings.Cut(strings.TrimPrefix(row.Key, "document/"), "/")
		all = append(all, DocumentMonth{Month: domain.Month(month), InvoiceID: id})
	}
	return all, nil
}

// Documents returns the ids of Meta's documents with lines in the month.
func (m *Model) Documents(month domain.Month) ([]string, error) {
	var ids []string
	from := "document/" + string(month) + "/"
	for row, err := range m.view.Scan(from) {
		if err != nil {
			return nil, err
		}
		ids = append(ids, strings.TrimPrefix(row.Key, from))
	}
	return ids, nil
}
