package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/web/ui"
)

const (
	// accessRows is how many users or keys a page of a list has (rows).
	accessRows = 50
	// maxLifeDays bounds for how long a key holds (days).
	maxLifeDays = 3650
	// defaultOverlapHours is how long a key's old secret holds beside a new one
	// if nothing else is said (hours).
	defaultOverlapHours = 24
)

// adminPages are the pages by which admins decide who has access.
func (w *Web) adminPages(r chi.Router) {
	w.page(r, http.MethodGet, "/access/users", access.Manages(), w.users)
	w.page(r, http.MethodPost, "/access/users", access.Manages(), w.invite)
	w.page(r, http.MethodGet, "/access/users/{user}", access.Manages(), w.user)
	w.page(r, http.MethodPost, "/access/users/{user}", access.Manages(), w.changeUser)
	w.page(r, http.MethodPost, "/access/users/{user}/reset", access.Manages(), w.resetUser)
	w.page(r, http.MethodPost, "/access/users/{user}/disable", access.Manages(), w.userAction((*access.Store).Disable, "The sign-in is disabled, and all its sessions ended."))
	w.page(r, http.MethodPost, "/access/users/{user}/enable", access.Manages(), w.userAction((*access.Store).Enable, "The sign-in is enabled."))
	w.page(r, http.MethodPost, "/access/users/{user}/sessions/end", access.Manages(), w.userAction((*access.Store).EndSessions, "All sessions ended."))
	w.page(r, http.MethodGet, "/access/keys", access.Manages(), w.keys)
	w.page(r, http.MethodPost, "/access/keys", access.Manages(), w.createKey)
	w.page(r, http.MethodGet, "/access/keys/{key}", access.Manages(), w.key)
	w.page(r, http.MethodPost, "/access/keys/{key}/rotate", access.Manages(), w.rotateKey)
	w.page(r, http.MethodPost, "/access/keys/{key}/revoke", access.Manages(), w.revokeKey)
}

// userURL and keyURL are the pages of one.
func userURL(id string) string { return "/access/users/" + url.PathEscape(id) }
func keyURL(id string) string  { return "/access/keys/" + url.PathEscape(id) }

// peopleRoles are the roles that people have; services have keys.
func peopleRoles() []access.Role {
	return slices.DeleteFunc(access.Roles(), func(r access.Role) bool { return r == access.RoleService })
}

// by is who asks, for the log of access.
func (q *request) by() access.By { return access.RequestedBy(q.Context()) }

// words cuts a list that people write at commas, blanks and ends of lines.
func (f *form) words(name string) []string {
	return strings.FieldsFunc(f.Value(name), func(r rune) bool { return strings.ContainsRune(", ;\r\n\t", r) })
}

// rows are a page's rows of a list that is filtered by a text.
func rowsOf[T any](q *request, all []T, named func(*T) string) ([]T, ui.Pager) {
	text := strings.ToLower(q.query("q"))
	found := slices.DeleteFunc(all, func(x T) bool { return !strings.Contains(strings.ToLower(named(&x)), text) })
	from := min(q.offset(), len(found))
	rows := found[from:min(from+accessRows, len(found))]
	return rows, ui.OffsetPager(q.URL, from, accessRows, len(rows), len(found))
}

func (w *Web) users(q *request) error {
	return w.usersPage(q, ui.NewForm("role", string(access.RolePartner)))
}

func (w *Web) usersPage(q *request, f *ui.Form) error {
	rows, pager := rowsOf(q, w.auth.Store().Users(), func(u *access.User) string { return u.Email + " " + strings.Join(u.Partners, " ") })
	return q.show(ui.Page{Title: "People"}, usersPage(rows, ui.NewForm("q", q.query("q")), f, pager, w.auth.Store().Now()))
}

// invite invites somebody, and shows the link once.
func (w *Web) invite(q *request) error {
	f, err := q.form()
	if err != nil {
		return err
	}
	email := f.required("email", "Write the e-mail address of whom you invite.")
	if f.Failed() {
		q.status = http.StatusUnprocessableEntity
		return w.usersPage(q, f.Form)
	}
	u, token, err := w.auth.Store().Invite(q.Context(), q.by(), email, access.Role(f.text("role")), f.words("partners"))
	if err != nil {
		return q.again(f, err, func() error { return w.usersPage(q, f.Form) })
	}
	link := w.deps.Links.Invitation(q.Context(), &u, token, w.auth.Store().Now())
	return q.show(ui.Page{Title: "Invited", Crumbs: peopleCrumbs()}, linkPage("Invited: "+u.Email, &u, &link))
}

// again shows a form again with what is wrong, if the user can correct it.
func (q *request) again(f *form, err error, page func() error) error {
	if err := f.take(err); err != nil {
		return err
	}
	q.status = http.StatusUnprocessableEntity
	return page()
}

func peopleCrumbs() []ui.Crumb { return []ui.Crumb{{Label: "People", URL: "/access/users"}} }
func keysCrumbs() []ui.Crumb   { return []ui.Crumb{{Label: "API keys", URL: "/access/keys"}} }

func (w *Web) user(q *request) error {
	u, err := w.auth.Store().User(q.param("user"))
	if err != nil {
		return err
	}
	return w.userPage(q, &u, ui.NewForm("role", string(u.Role), "partners", strings.Join(u.Partners, "\n")))
}

func (w *Web) userPage(q *request, u *access.User, f *ui.Form) error {
	sessions := w.auth.Store().Sessions(u.Principal())
	return q.show(ui.Page{Title: u.Email, Crumbs: peopleCrumbs()}, userPage(u, f, len(sessions), u.ID == q.who.ID))
}

// changeUser gives somebody another role, or other accounts.
func (w *Web) changeUser(q *request) error {
	f, err := q.form()
	if err != nil {
		return err
	}
	u, err := w.auth.Store().User(q.param("user"))
	if err != nil {
		return err
	}
	return q.submit(f, func() error {
		_, err := w.auth.Store().SetUser(q.Context(), q.by(), u.ID, access.Role(f.text("role")), f.words("partners"))
		return err
	}, "The role is changed, and all sessions ended: it holds from the next sign-in on.", userURL(u.ID), func() error { return w.userPage(q, &u, f.Form) })
}

// resetUser makes a link by which somebody sets a new password.
func (w *Web) resetUser(q *request) error {
	u, token, err := w.auth.Store().Reset(q.Context(), q.by(), q.param("user"))
	if err != nil {
		return err
	}
	link := w.deps.Links.Reset(q.Context(), &u, token, w.auth.Store().Now())
	return q.show(ui.Page{Title: "New link", Crumbs: peopleCrumbs()}, linkPage("New link for "+u.Email, &u, &link))
}

func (w *Web) keys(q *request) error { return w.keysPage(q, newKeyForm()) }

func newKeyForm() *ui.Form {
	return ui.NewForm("role", string(access.RoleService), "days", strconv.Itoa(int(access.KeyLife/(24*time.Hour))))
}

func (w *Web) keysPage(q *request, f *ui.Form) error {
	rows, pager := rowsOf(q, w.auth.Store().Keys(), func(k *access.Key) string { return k.Name + " " + strings.Join(k.Partners, " ") })
	return q.show(ui.Page{Title: "API keys"}, keysPage(rows, ui.NewForm("q", q.query("q")), f, pager, w.auth.Store().Now()))
}

// createKey makes a key, and shows its secret once.
func (w *Web) createKey(q *request) error {
	f, err := q.form()
	if err != nil {
		return err
	}
	n := access.NewKey{Name: f.required("name", "Name the key after the program that has it."), Role: access.Role(f.text("role")), Partners: f.words("partners")}
	for _, s := range access.Scopes() {
		if f.Checked("scope_" + string(s)) {
			n.Scopes = append(n.Scopes, s)
		}
	}
	if days := f.whole("days", 1, maxLifeDays); days > 0 {
		n.Life = time.Duration(days) * 24 * time.Hour
	}
	if f.Failed() {
		q.status = http.StatusUnprocessableEntity
		return w.keysPage(q, f.Form)
	}
	k, secret, err := w.auth.Store().CreateKey(q.Context(), q.by(), n)
	if err != nil {
		return q.again(f, err, func() error { return w.keysPage(q, f.Form) })
	}
	return q.show(ui.Page{Title: "New key", Crumbs: keysCrumbs()}, secretPage(&k, secret))
}

// whole is a whole number within bounds; 0 with an error at the field.
func (f *form) whole(name string, least, most int) int {
	n, err := strconv.Atoi(f.text(name))
	if err != nil || n < least || n > most {
		f.Fail(name, "Write a whole number from "+ui.Count(least)+" to "+ui.Count(most)+".")
		return 0
	}
	return n
}

func (w *Web) key(q *request) error {
	k, err := w.auth.Store().Key(q.param("key"))
	if err != nil {
		return err
	}
	return w.keyPage(q, &k, ui.NewForm("hours", strconv.Itoa(defaultOverlapHours)))
}

func (w *Web) keyPage(q *request, k *access.Key, f *ui.Form) error {
	return q.show(ui.Page{Title: k.Name, Crumbs: keysCrumbs()}, keyPage(k, f, w.auth.Store().Now()))
}

// rotateKey gives a key another secret; the old one holds a while beside it.
func (w *Web) rotateKey(q *request) error {
	f, err := q.form()
	if err != nil {
		return err
	}
	k, err := w.auth.Store().Key(q.param("key"))
	if err != nil {
		return err
	}
	hours := f.whole("hours", 0, int(access.MaxOverlap/time.Hour))
	if f.Failed() {
		q.status = http.StatusUnprocessableEntity
		return w.keyPage(q, &k, f.Form)
	}
	k, secret, err := w.auth.Store().RotateKey(q.Context(), q.by(), k.ID, time.Duration(hours)*time.Hour)
	if err != nil {
		return q.again(f, err, func() error { return w.keyPage(q, &k, f.Form) })
	}
	return q.show(ui.Page{Title: "New secret", Crumbs: keysCrumbs()}, secretPage(&k, secret))
}

func (w *Web) revokeKey(q *request) error {
	k, err := w.auth.Store().RevokeKey(q.Context(), q.by(), q.param("key"))
	if err != nil {
		return err
	}
	q.flash(ui.Good, "The key "+k.Name+" is revoked: it opens nothing any more.")
	return q.redirect("/access/keys")
}
