package web

import (
	"strings"
	"time"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/web/ui"
	"prepayledger/eventstore"
)

// search finds what somebody has an id or a number of.
func (w *Web) search(q *request) error {
	text, day := q.query("q"), q.query("day")
	f := ui.NewForm("q", text, "day", day)
	var on time.Time
	if day != "" {
		var err error
		if on, err = time.Parse(time.DateOnly, day); err != nil {
			f.Values.Del("day")
			f.Fail("day", "This is not a day: write it like 2026-10-31.")
		}
	}
	var found []desk.Found
	if text != "" && !f.Failed() {
		var err error
		if found, err = w.desk.Find(q.Context(), text, on); err != nil {
			return err
		}
	}
	return q.show(ui.Page{Title: "Search"}, searchPage(f, text != "" && !f.Failed(), found))
}

// foundURL is where something is, in the replay of its stream.
func foundURL(f desk.Found) string {
	if f.Revision == eventstore.NoStream {
		return streamURL(f.Stream)
	}
	return revisionURL(f.Stream, f.Revision)
}

// foundWhere says where something is.
func foundWhere(f desk.Found) string {
	if f.Revision == eventstore.NoStream {
		return f.Stream
	}
	return f.Stream + ", event " + ui.Count(int64(f.Revision))
}

// logRows is how many entries a page of the access log has (rows).
const logRows = 50

// accessLog shows who came in, and who gave access to whom.
func (w *Web) accessLog(q *request) error {
	before := uint64(q.number("before"))
	entries, err := w.auth.Store().Log(before, logRows+1)
	if err != nil {
		return err
	}
	pager := ui.Pager{}
	if before > 0 {
		pager.First = ui.WithQuery(q.URL, "before", "")
	}
	if len(entries) > logRows {
		entries = entries[:logRows]
		pager.Next = ui.WithQuery(q.URL, "before", ui.Plain(entries[logRows-1].Sequence))
	}
	pager.Text = ui.Counted(len(entries), "entry", "entries")
	return q.show(ui.Page{Title: "Access log"}, accessLogPage(entries, pager))
}

// actionTone is what an action means.
func actionTone(a access.Action) ui.Tone {
	switch a {
	case access.ActionSignInFailed, access.ActionCredentialWrong, access.ActionUserDisabled, access.ActionKeyRevoked:
		return ui.Bad
	case access.ActionUserInvited, access.ActionUserChanged, access.ActionUserEnabled, access.ActionKeyCreated, access.ActionKeyRotated:
		return ui.Warn
	}
	return ui.Neutral
}

// actionWords is an action for people.
func actionWords(a access.Action) string { return strings.ReplaceAll(string(a), "_", " ") }
