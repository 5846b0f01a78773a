package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/go-chi/chi/v5"
	"go.uber.org/zap"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/web/ui"
)

// setPasswordPath is where an invitation or a reset leads.
const setPasswordPath = "/set-password"

// mailTimeout bounds the sending of a reset (time).
const mailTimeout = 30 * time.Second

// signInPages are the pages by which people come in and go.
func (w *Web) signInPages(r chi.Router) {
	w.page(r, http.MethodGet, "/sign-in", anyone(), w.signIn)
	w.page(r, http.MethodPost, "/sign-in", anyone(), w.postSignIn)
	w.page(r, http.MethodPost, "/sign-out", signedIn(), w.signOut)
	w.page(r, http.MethodGet, setPasswordPath, anyone(), w.setPassword)
	w.page(r, http.MethodPost, setPasswordPath, anyone(), w.postSetPassword)
	w.page(r, http.MethodGet, "/forgot-password", anyone(), w.forgot)
	w.page(r, http.MethodPost, "/forgot-password", anyone(), w.postForgot)
	w.page(r, http.MethodGet, "/oidc/sign-in", anyone(), w.provider(w.auth.SignInAtProvider))
	w.page(r, http.MethodGet, "/oidc/callback", anyone(), w.provider(w.auth.BackFromProvider))
	w.page(r, http.MethodGet, "/me", signedIn(), w.me)
	w.page(r, http.MethodPost, "/me/password", signedIn(), w.changePassword)
	w.page(r, http.MethodPost, "/me/sessions/end", signedIn(), w.endSessions)
}

// provider is a step of signing in at the identity provider; who may not is
// answered by Refuse.
func (w *Web) provider(step http.HandlerFunc) func(*request) error {
	return func(q *request) error {
		step(q.w, q.Request)
		return nil
	}
}

// Refuse answers a request whose session, key or origin is refused: it is for
// access.AuthenticatorOptions.
func (w *Web) Refuse(rw http.ResponseWriter, r *http.Request, err error) {
	secured(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		q := &request{Request: r, w: rw, web: w}
		if errors.Is(err, access.Refused(access.CodeCredential)) || errors.Is(err, access.Refused(access.CodeSignIn)) {
			q.flash(ui.Warn, sentenceOf(err))
			_ = q.redirect(signInURL(q))
			return
		}
		w.fail(q, err)
	})).ServeHTTP(rw, r)
}

// sentenceOf is a refusal's sentence.
func sentenceOf(err error) string {
	sentence, _ := refusal(err)
	return sentence
}

// signIn shows the sign-in.
func (w *Web) signIn(q *request) error {
	if q.who != nil {
		return q.redirect("/")
	}
	return w.signInPage(q, &form{Form: ui.NewForm()}, q.query("next"))
}

func (w *Web) signInPage(q *request, f *form, next string) error {
	f.Values.Del("password")
	return q.show(ui.Page{Title: "Sign in"}, signInForm(f.Form, signInTarget("/sign-in", next), signInTarget("/oidc/sign-in", next), w.auth.HasProvider()))
}

// signInTarget is a step of signing in that leads back to a page.
func signInTarget(path, next string) string {
	if next = access.LocalPath(next); next == "/" {
		return path
	}
	return path + "?next=" + url.QueryEscape(next)
}

// postSignIn signs somebody in.
func (w *Web) postSignIn(q *request) error {
	f, err := q.form()
	if err != nil {
		return err
	}
	email := f.required("email", "Write your e-mail address.")
	password := f.Value("password")
	if password == "" {
		f.Fail("password", "Write your password.")
	}
	next := access.LocalPath(q.query("next"))
	return q.submit(f, func() error {
		id, err := w.auth.Store().SignIn(q.Context(), email, password, access.ClientAddress(q.Context()))
		if err != nil {
			return err
		}
		return w.auth.StartSession(q.w, q.Request, id)
	}, "", next, func() error { return w.signInPage(q, f, next) })
}

// signOut ends the session.
func (w *Web) signOut(q *request) error {
	if err := w.auth.EndSession(q.w, q.Request); err != nil {
		return err
	}
	q.flash(ui.Good, "You are signed out.")
	return q.redirect("/")
}

// setPassword shows where an invitation or a reset sets a password.
func (w *Web) setPassword(q *request) error {
	return w.setPasswordPage(q, &form{Form: ui.NewForm()}, q.query("token"))
}

func (w *Web) setPasswordPage(q *request, f *form, token string) error {
	f.Values.Del("password")
	q.w.Header().Set("Referrer-Policy", "no-referrer") // the address is a secret
	u, err := w.auth.Store().LinkUser(token, access.ClientAddress(q.Context()))
	if errors.Is(err, access.Refused(access.CodeLink)) {
		q.status = http.StatusUnprocessableEntity
		return q.show(ui.Page{Title: "The link does not hold"}, linkInvalid(w.deps.SendReset != nil))
	}
	if err != nil {
		return err
	}
	return q.show(ui.Page{Title: "Set your password"}, setPasswordForm(f.Form, u.Email, setPasswordPath+"?token="+url.QueryEscape(token)))
}

// newPassword is a new password of a form; how good it is, the store says.
func (f *form) newPassword() string {
	password := f.Value("password")
	if password == "" {
		f.Fail("password", "Write a new password.")
	}
	return password
}

// postSetPassword sets the password and signs in.
func (w *Web) postSetPassword(q *request) error {
	f, err := q.form()
	if err != nil {
		return err
	}
	password, token := f.newPassword(), q.query("token")
	return q.submit(f, func() error {
		id, err := w.auth.Store().SetPassword(q.Context(), token, password, access.ClientAddress(q.Context()))
		if err != nil {
			return f.passwordError(err)
		}
		return w.auth.StartSession(q.w, q.Request, id)
	}, "Your password is set. Welcome.", "/", func() error { return w.setPasswordPage(q, f, token) })
}

// passwordError says at the field what is wrong with a new password.
func (f *form) passwordError(err error) error {
	if errors.Is(err, access.Refused(access.CodePassword)) {
		f.Fail("password", sentenceOf(err))
	}
	return err
}

// forgot shows how to get a new password.
func (w *Web) forgot(q *request) error {
	return q.show(ui.Page{Title: "Forgot your password?"}, forgotForm(ui.NewForm(), w.deps.SendReset != nil))
}

// postForgot mails a reset. Its answer is the same whoever is asked for, and
// takes as long.
func (w *Web) postForgot(q *request) error {
	f, err := q.form()
	if err != nil {
		return err
	}
	if w.deps.SendReset == nil {
		return errNotFound
	}
	email := f.required("email", "Write your e-mail address.")
	return q.submit(f, func() error {
		u, token, err := w.auth.Store().ForgotPassword(q.Context(), email, access.ClientAddress(q.Context()))
		if err == nil && token != "" {
			w.mail(u, token)
		}
		return err
	}, "If there is a sign-in with this address, a mail with a link is on its way.", "/sign-in", func() error {
		return q.show(ui.Page{Title: "Forgot your password?"}, forgotForm(f.Form, true))
	})
}

// mail sends a reset beside the request.
func (w *Web) mail(u access.User, token string) {
	w.tasks.begin(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, mailTimeout)
		defer cancel()
		w.deps.SendReset(ctx, &u, token)
	})
}

// me shows somebody's own sign-in.
func (w *Web) me(q *request) error { return w.mePage(q, &form{Form: ui.NewForm()}) }

func (w *Web) mePage(q *request, f *form) error {
	f.Values.Del("password")
	f.Values.Del("old")
	_, err := w.auth.Store().User(q.who.ID)
	own := err == nil // others have their password at the identity provider
	return q.show(ui.Page{Title: "Your sign-in"}, mePage(q.who, f.Form, w.auth.Store().Sessions(q.who), own, w.desk.Ledger.Now()))
}

// changePassword changes one's own password; all sessions end but the one that
// begins then.
func (w *Web) changePassword(q *request) error {
	f, err := q.form()
	if err != nil {
		return err
	}
	old := f.Value("old")
	if old == "" {
		f.Fail("old", "Write the password that you have now.")
	}
	password := f.newPassword()
	return q.submit(f, func() error {
		id, err := w.auth.Store().ChangePassword(q.Context(), q.who.ID, old, password, access.ClientAddress(q.Context()))
		if errors.Is(err, access.Refused(access.CodeSignIn)) {
			f.Fail("old", "This is not the password that you have now.")
		}
		if err != nil {
			return f.passwordError(err)
		}
		return w.auth.StartSession(q.w, q.Request, id)
	}, "Your password is changed. All other sessions ended.", "/me", func() error { return w.mePage(q, f) })
}

// endSessions ends all of one's own sessions, this one too.
func (w *Web) endSessions(q *request) error {
	if err := w.auth.Store().EndOwnSessions(access.RequestedBy(q.Context()), q.who); err != nil {
		w.log.Warn("sessions could not be ended", zap.Error(err))
		return err
	}
	if err := w.auth.EndSession(q.w, q.Request); err != nil {
		return err
	}
	q.flash(ui.Good, "All your sessions ended. Sign in again.")
	return q.redirect("/")
}
