package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/app"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/intake"
	"prepayledger/consumers/usage"
	"prepayledger/domain"
	"prepayledger/domain/money"
)

// office is an API on a ledger in which there is something to do: accounts PA-1
// and PA-2 with a channel each, in USD.
type office struct {
	t testing.TB
	*API
	http.Handler
	ana, ben, auditor *access.Principal
}

func newOffice(t testing.TB) *office {
	t.Helper()
	now := time.Date(2026, 11, 10, 12, 0, 0, 0, time.UTC)
	d, err := desk.Open(t.Context(), t.TempDir(), app.Options{Clock: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	r := chi.NewRouter()
	o := &office{t: t, API: New(r, Options{Desk: d, Rate: 1e6, Burst: 1e6}), Handler: WithRequestID(r)}
	o.ana = &access.Principal{Kind: access.KindUser, ID: "u-ana", Name: "ana@bsp.example", Role: access.RoleFinance}
	o.ben = &access.Principal{Kind: access.KindUser, ID: "u-ben", Name: "ben@bsp.example", Role: access.RoleFinance}
	o.auditor = &access.Principal{Kind: access.KindUser, ID: "u-aud", Name: "aud@bsp.example", Role: access.RoleAuditor}
	for i := 1; i <= 2; i++ {
		p := fmt.Sprintf("PA-%d", i)
		o.do(p, &domain.OpenAccount{PartnerID: p, Currency: "USD", Card: "sim_ok", CarriedOver: money.MustParse("500")})
		o.do(p, &domain.RegisterChannel{ChannelID: fmt.Sprintf("CH-%d", i), PhoneNumber: fmt.Sprintf("+4930123456%d", i), PhoneNumberID: fmt.Sprintf("106%d", i), WABAID: fmt.Sprintf("W-%d", i), PaymentModel: domain.PartnerPaid})
	}
	return o
}

// do gives a command.
func (o *office) do(partner string, cmd domain.Command) {
	o.t.Helper()
	if err := o.desk.Ledger.Do(o.t.Context(), partner, domain.Meta{Actor: "test:set-up"}, cmd); err != nil {
		o.t.Fatal(err)
	}
}

// used presents usage, a charge a line.
func (o *office) used(lines string) {
	o.t.Helper()
	_, err := intake.Import(o.t.Context(), o.desk.Ledger, domain.Meta{Actor: "test:usage"}, usage.Source{Name: "usage", R: strings.NewReader(lines)}, nil)
	if err == nil {
		err = o.desk.Ledger.Settle(o.t.Context())
	}
	if err != nil {
		o.t.Fatal(err)
	}
}

// charge is a line of usage of PA-<n>, with further fields.
func charge(n int, id, more string) string {
	return fmt.Sprintf(`{"charge_id":%q,"partner_id":"PA-%d","channel_id":"CH-%d","category":"marketing","pricing_model":"PMP","occurred_at":"2026-10-05T10:00:00Z"%s}`+"\n", id, n, n, more)
}

// priced is the end of a line of usage with a price.
func priced(amount string) string {
	return fmt.Sprintf(`,"country":"BR","amount":%q,"currency":"USD"`, amount)
}

// ask makes a request that has to be answered with a status, and reads the
// answer into to, where that is not nil.
func (o *office) ask(who *access.Principal, method, path, body string, status int, to any, header ...string) *httptest.ResponseRecorder {
	o.t.Helper()
	w := as(who, o, method, path, body, header...)
	o.read(method+" "+path, w, status, to)
	return w
}

func (o *office) read(what string, w *httptest.ResponseRecorder, status int, to any) {
	o.t.Helper()
	if w.Code != status {
		o.t.Fatalf("%s: %d instead of %d: %.600s", what, w.Code, status, w.Body)
	}
	if to == nil {
		return
	}
	if err := json.Unmarshal(w.Body.Bytes(), to); err != nil {
		o.t.Fatalf("%s: %v: %.600s", what, err, w.Body)
	}
}

// refused makes a request that has to be refused with a code.
func (o *office) refused(who *access.Principal, method, path, body string, status int, code string, header ...string) *Problem {
	o.t.Helper()
	var p Problem
	o.ask(who, method, path, body, status, &p, header...)
	if p.Code != code || p.Detail == "" {
		o.t.Errorf("%s %s: %+v instead of %s", method, path, p, code)
	}
	return &p
}

// send uploads a file as a form with options.
func (o *office) send(who *access.Principal, path, name, content string, status int, to any, options ...string) {
	o.t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	part, err := form.CreateFormFile(filePart, name)
	if err == nil {
		_, err = part.Write([]byte(content))
	}
	for i := 0; i < len(options); i += 2 {
		if err == nil {
			err = form.WriteField(options[i], options[i+1])
		}
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		o.t.Fatal(err)
	}
	o.read("POST "+path, as(who, o, "POST", path, b.String(), "Content-Type", form.FormDataContentType()), status, to)
}

const invoiceHeader = "invoice_id,document_type,billing_period,waba_id,phone_number_id,country,market,category,pricing_type,tier,volume,amount,currency\n"
