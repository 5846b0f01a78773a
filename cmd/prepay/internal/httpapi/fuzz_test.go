package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"prepayledger/cmd/prepay/internal/access"
)

// asked are operations with something in the place of what is fuzzed: the path,
// the query and the body.
func asked() []string {
	return []string{
		"GET /v1/months", "GET /v1/months/*", "GET /v1/months/*/lines", "GET /v1/months/*/waterfall", "GET /v1/months/*/accounts", "GET /v1/months/*/evidence",
		"GET /v1/months/*/workbook.xlsx", "GET /v1/journal.csv", "POST /v1/months/*/propose", "POST /v1/months/*/approve", "POST /v1/months/*/withdraw",
		"POST /v1/months/*/post", "POST /v1/months/*/comments", "GET /v1/month-settings", "PUT /v1/month-settings", "POST /v1/months/*/drift",
		"POST /v1/meta-invoices", "POST /v1/meta-invoice-mapping-checks", "GET /v1/meta-invoices", "GET /v1/meta-invoices/*", "GET /v1/meta-invoices/*/original",
		"POST /v1/meta-invoices/MI-1/lines/*/allocation", "POST /v1/rate-cards", "GET /v1/rate-cards", "POST /v1/markets", "GET /v1/quarantine",
		"GET /v1/quarantine/export", "POST /v1/quarantine/retry", "POST /v1/quarantine/mend", "POST /v1/bank-statements", "GET /v1/bank-statements",
		"GET /v1/bank-statements/*", "POST /v1/payment-proposals/*/confirmation", "GET /v1/events", "GET /v1/accounts/*/events", "GET /v1/streams",
		"GET /v1/streams/*", "GET /v1/streams/*/events", "GET /v1/streams/account-PA-1/events/*", "GET /v1/search", "GET /v1/verification", "GET /v1/health",
	}
}

// FuzzOperations asks for anything: the answer is never a failure, and what is
// refused is a problem with a code.
func FuzzOperations(f *testing.F) {
	for _, path := range []string{"2026-10", "MI-1", "5", "", "PA-1", "account-PA-1", "x%2Fy", "\x00", "9223372036854775807", strings.Repeat("x", 600)} {
		for i, query := range []string{"", "preview=true&limit=2&order=difference", "cursor=eyJwIjoiUEEtMSJ9", "cursor=MTA", "after=3/3&type=a,b", "month=2026-10&partner_id=PA-1", "q=m1&day=2026-10-05", "x=1", "limit=-1", "filename=a.csv&fx=USD:EUR=1"} {
			body := []string{"", "{}", `{"text":"x"}`, `{"uninvoiced":"1.5"}`, `{"limits":null,"tolerances":[{"currency":"E","amount":"1"}]}`, `{"owner":"","charge_id":"","content":"0000000000000000000000000000","fields":{"amount":1}}`, "a,b\n1,2\n", "[", `{"limit":1}`, "<Document/>"}[i]
			for op := range asked() {
				if (op+i+len(path))%7 == 0 { // some of each
					f.Add(byte(op), path, query, body, i%2 == 0)
				}
			}
		}
	}
	o := october(f)
	f.Fuzz(func(t *testing.T, op byte, path, query, body string, form bool) {
		all := asked()
		method, pattern, _ := strings.Cut(all[int(op)%len(all)], " ")
		target := strings.Replace(pattern, "*", url.PathEscape(path), 1)
		kind := "application/json"
		if form {
			body, kind = formOf(t, body)
		}
		r := httptest.NewRequest(method, "/", strings.NewReader(body))
		var err error
		if r.URL, err = url.Parse(target); err != nil {
			return // no server takes it either
		}
		r.URL.RawQuery = query
		r.Header.Set("Content-Type", kind)
		r.Header.Set("If-Match", `"-1"`)
		w := httptest.NewRecorder()
		o.ServeHTTP(w, r.WithContext(access.With(t.Context(), o.ana)))
		if w.Code >= 500 && w.Code != 503 {
			t.Errorf("%s %s?%s %q: %d %s", method, target, query, body, w.Code, w.Body)
		}
		if strings.HasPrefix(pattern, "/v1/") && w.Code >= 400 && w.Header().Get("Content-Type") == "application/problem+json" {
			var p Problem
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Code == "" || p.Detail == "" || p.Status != w.Code {
				t.Errorf("%s %s?%s: %d %s", method, target, query, w.Code, w.Body)
			}
		}
	})
}

func formOf(t *testing.T, content string) (body, kind string) {
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	part, err := form.CreateFormFile(filePart, "fuzz.csv")
	if err == nil {
		_, err = fmt.Fprint(part, content)
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String(), form.FormDataContentType()
}
