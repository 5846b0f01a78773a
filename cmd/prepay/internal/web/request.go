package web

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/go-chi/chi/v5"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/web/ui"
)

const (
	// flashCookie holds what the next page says.
	flashCookie = "prepay_flash"
	// themeCookie holds the colours that the user chose.
	themeCookie = "prepay_theme"
	// maxFlash bounds what a flash says (bytes).
	maxFlash = 1 << 10
	// flashLife is how long a flash waits for its page (time).
	flashLife = time.Minute
	// themeLife is how long the choice of colours is remembered (time).
	themeLife = 365 * 24 * time.Hour
	// maxOffset bounds the offset of a list (rows).
	maxOffset = 10_000_000
)

// request is what a page is asked, and by whom.
type request struct {
	*http.Request
	w   http.ResponseWriter
	web *Web
	// who is signed in; nil only where the rule lets anyone in.
	who *access.Principal
	// status of the answer; 0 is 200.
	status int
	// began is what a page could show when the request came.
	began liveMark
}

// param is a parameter of the path.
func (q *request) param(name string) string {
	value := chi.URLParam(q.Request, name)
	if plain, err := url.PathUnescape(value); err == nil {
		return plain
	}
	return value
}

// query is a parameter of the query, without blanks around it.
func (q *request) query(name string) string { return strings.TrimSpace(q.URL.Query().Get(name)) }

// number is a parameter of the query that counts something; 0 where it is none.
func (q *request) number(name string) int64 {
	n, err := strconv.ParseInt(q.query(name), 10, 64)
	if err != nil {
		return 0
	}
	return max(n, 0)
}

// offset is where a list begins.
func (q *request) offset() int { return int(min(q.number("offset"), maxOffset)) }

// htmx says that a part of a page is asked for by a script.
func (q *request) htmx() bool { return q.Header.Get("HX-Request") == "true" }

// show answers with a page.
func (q *request) show(p ui.Page, content templ.Component) error {
	q.frame(&p)
	p.Live = q.began.since(p.Live)
	h := q.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	if q.status != 0 {
		q.w.WriteHeader(q.status)
	}
	return ui.Document(p).Render(templ.WithChildren(q.Context(), content), q.w)
}

// frame completes what frames the content.
func (q *request) frame(p *ui.Page) {
	p.Styles, p.Script = q.web.assets.URL("style.css"), q.web.assets.URL("app.ts")
	if c, err := q.Cookie(themeCookie); err == nil && (c.Value == "dark" || c.Value == "light") {
		p.Theme = c.Value
	}
	if q.who != nil {
		p.User = &ui.User{Name: q.who.Name, Role: string(q.who.Role)}
		p.Nav = navigation(q.who, q.param("partner_id"))
		ui.MarkCurrent(p.Nav, q.URL.Path)
	}
	if !q.htmx() {
		p.Flashes = append(p.Flashes, q.takeFlash()...)
	}
}

// redirect answers with another page.
func (q *request) redirect(to string) error {
	q.w.Header().Set("Cache-Control", "no-store")
	if q.htmx() {
		q.w.Header().Set("HX-Redirect", to)
		q.w.WriteHeader(http.StatusOK)
		return nil
	}
	http.Redirect(q.w, q.Request, to, http.StatusSeeOther)
	return nil
}

// flash is said by the next page.
func (q *request) flash(tone ui.Tone, text string) {
	data, err := json.Marshal(ui.Flash{Kind: tone, Text: text})
	if err != nil || len(data) > maxFlash {
		return // it is only said
	}
	q.cookie(flashCookie, base64.RawURLEncoding.EncodeToString(data), flashLife, true)
}

// takeFlash returns what was to be said, once.
func (q *request) takeFlash() []ui.Flash {
	c, err := q.Cookie(flashCookie)
	if err != nil {
		return nil
	}
	q.cookie(flashCookie, "", -time.Second, true)
	data, err := base64.RawURLEncoding.DecodeString(c.Value)
	var f ui.Flash
	if err != nil || len(data) > maxFlash || json.Unmarshal(data, &f) != nil {
		return nil
	}
	return []ui.Flash{f}
}

// cookie sets a cookie that no other site sends along.
func (q *request) cookie(name, value string, life time.Duration, httpOnly bool) {
	http.SetCookie(q.w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(life / time.Second), HttpOnly: httpOnly, Secure: q.TLS != nil, SameSite: http.SameSiteLaxMode,
	})
}

// theme changes between light and dark for who has no scripts.
func (w *Web) theme(q *request) error {
	theme := "dark"
	if c, err := q.Cookie(themeCookie); err == nil && c.Value == "dark" {
		theme = "light"
	}
	q.cookie(themeCookie, theme, themeLife, false)
	return q.redirect(q.back())
}

// back is the page that the request came from, if it is one of these.
func (q *request) back() string {
	u, err := url.Parse(q.Referer())
	if err != nil || u.Host != q.Host {
		return "/"
	}
	return access.LocalPath(u.RequestURI())
}
