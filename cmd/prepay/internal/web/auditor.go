package web

import (
	"net/http"
	"net/url"

	"github.com/go-chi/chi/v5"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/web/ui"
)

// streamRows is how many streams a page of the list has (rows).
const streamRows = 50

// auditorPages are the pages by which others check the ledger.
func (w *Web) auditorPages(r chi.Router) {
	w.page(r, http.MethodGet, "/audit/streams", access.ReadsAll(), w.streams)
	w.page(r, http.MethodGet, "/audit/streams/{stream}", access.ReadsAll(), w.replay)
	w.page(r, http.MethodGet, "/audit/search", access.ReadsAll(), w.search)
	w.page(r, http.MethodGet, "/audit/verification", access.ReadsAll(), w.verification)
	w.page(r, http.MethodPost, "/audit/verification", access.ReadsAll(), w.startVerification)
	w.page(r, http.MethodGet, "/audit/access", readsAccessLog(), w.accessLog)
}

// readsAccessLog lets read who came in, and who gave access to whom.
func readsAccessLog() access.Rule {
	return access.Rule{Roles: []access.Role{access.RoleAuditor, access.RoleAdmin}, Scope: access.ScopeRead}
}

// streamURL is the replay of a stream.
func streamURL(stream string) string { return "/audit/streams/" + url.PathEscape(stream) }

// streams lists the log's streams.
func (w *Web) streams(q *request) error {
	kind, text := q.query("kind"), q.query("q")
	rows, err := w.desk.Streams(q.Context(), kind, text, q.query("after"), streamRows+1)
	if err != nil {
		return err
	}
	pager := ui.Pager{}
	if q.query("after") != "" {
		pager.First = ui.WithQuery(q.URL, "after", "")
	}
	if len(rows) > streamRows {
		rows = rows[:streamRows]
		pager.Next = ui.WithQuery(q.URL, "after", rows[streamRows-1].Name)
	}
	pager.Text = ui.Counted(len(rows), "stream", "streams")
	return q.show(ui.Page{Title: "Streams"}, streamsPage(rows, ui.NewForm("kind", kind, "q", text), kindOptions(), pager))
}

// kindOptions are the kinds of streams as choices.
func kindOptions() []ui.Option {
	options := []ui.Option{{Label: "All"}}
	for _, k := range desk.StreamKinds() {
		options = append(options, ui.Option{Value: k.Name, Label: k.Label})
	}
	return options
}
