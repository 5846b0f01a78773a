// Package web is the web pages: for partners, Finance, auditors and admins.
//
// # A page
//
// A page is a route with the decision who may use it, a handler, and a
// component of package ui or of its own. It is registered in one line:
//
//	w.page(r, http.MethodGet, "/accounts/{partner_id}", access.ReadsAccount(), w.account)
//
// and answers with show:
//
//	func (w *Web) account(q *request) error {
//		v, err := w.desk.Account(q.Context(), q.param("partner_id"))
//		if err != nil {
//			return err
//		}
//		return q.show(ui.Page{Title: v.PartnerID, Live: liveAccount(v.PartnerID)}, accountPage(v))
//	}
//
// page has asked the rule before the handler is called: who is not signed in is
// sent to the sign-in, who may not gets a page that says so, and another
// partner's account is not there. A rule without a path parameter of an account
// that lets partners in (access.ReadsOwn) needs the handler to ask q.who.Sees.
//
// Handlers return errors and write none: one place (fail) turns them into pages.
// An "unknown_…" rejection is a page that is not there; another rejection is a
// page with its sentence; everything else is logged and shown with the request's
// id alone.
//
// # A form
//
// Forms are posted, done, and answered with a redirect and a flash:
//
//	func (w *Web) addFunds(q *request) error {
//		f, err := q.form()
//		if err != nil {
//			return err
//		}
//		amount := f.amount("amount")
//		return q.submit(f, func() error {
//			return q.do(partner, f, &domain.AddFunds{Amount: amount})
//		}, "The card is being charged.", "/accounts/"+partner, func() error { return w.fundsPage(q, f) })
//	}
//
// What is wrong comes back into the same form: a *domain.Rejection as its
// message, a *commandjson.FieldError at its field. The form carries the id of
// its command (ui.PostForm), so that sending it twice counts once; the command
// is given in the name of who is signed in.
//
// # Live
//
// ui.Page.Live names what the page follows (liveAccount, liveAll); parts of the
// page inside ui.Live fetch themselves again when it changed. See live.go.
//
// # Tests
//
// Package webtest runs the pages in a browser: see there.
package web
