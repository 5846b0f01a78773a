package httpapi

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/consumers/intake"
	"prepayledger/domain"
)

// service may bring usage.
func service() *access.Principal {
	return &access.Principal{Kind: access.KindKey, ID: "k-1", Name: "gateway", Role: access.RoleService, Scopes: []access.Scope{access.ScopeIntake}}
}

// usageAPI is an API with a channel CH-1 of PA-1, whose id at Meta is
// 106540352242922.
func usageAPI(t testing.TB) (*API, http.Handler) {
	t.Helper()
	a, h := api(t)
	channel := &domain.RegisterChannel{ChannelID: "CH-1", PhoneNumber: "+4930123456", PhoneNumberID: "106540352242922", WABAID: "102290129340398", PaymentModel: domain.PartnerPaid}
	if err := a.desk.Ledger.Do(t.Context(), "PA-1", domain.Meta{Actor: "test:set-up"}, channel); err != nil {
		t.Fatal(err)
	}
	return a, h
}

// line is a rated charge of 0.05 EUR.
func line(id string) string {
	return fmt.Sprintf(`{"charge_id":%q,"partner_id":"PA-1","channel_id":"CH-1","waba_id":"102290129340398","country":"BR","category":"marketing","pricing_model":"PMP","occurred_at":"2026-11-10T10:00:00Z","amount":"0.05","currency":"EUR"}`, id)
}

// charged is how many charges of PA-1 were deducted.
func charged(t testing.TB, a *API) int64 {
	t.Helper()
	if err := a.desk.Ledger.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	v, err := a.desk.Views.Accounts.Get("PA-1")
	if err != nil {
		t.Fatal(err)
	}
	return v.Figures.ChargedCount
}

func TestCharge(t *testing.T) {
	a, h := usageAPI(t)
	sent := `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"106540352242922"},"statuses":[{"id":"w","status":"sent","timestamp":"1793534473","recipient_id":"5511987654321"}]}}]}]}`
	for _, c := range []struct{ name, body, want string }{
		{"a charge", line("m-1"), `{"outcome":"charged","charge_id":"m-1"}`},
		{"the same again", line("m-1"), `{"outcome":"duplicate","charge_id":"m-1"}`},
		{"other content", strings.Replace(line("m-1"), "0.05", "0.06", 1), `{"outcome":"quarantined","charge_id":"m-1","reason":"charge_conflict"}`},
		{"a webhook that charges nothing", sent, `{"outcome":"ignored"}`},
		{"over several lines", strings.ReplaceAll(line("m-2"), ",", ",\n "), `{"outcome":"charged","charge_id":"m-2"}`},
	} {
		if w := as(service(), h, "POST", "/v1/charges", c.body); w.Code != 200 || w.Body.String() != c.want || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
		}
	}
	w := as(service(), h, "POST", "/v1/charges", `{"charge_id":"m-3"}`)
	var reply intake.ChargeReply
	if err := json.Unmarshal(w.Body.Bytes(), &reply); err != nil || reply.Reason != "malformed" || !strings.Contains(reply.Detail, "request line 1") {
		t.Errorf("malformed: %d %s", w.Code, w.Body)
	}
	if n := charged(t, a); n != 2 {
		t.Errorf("%d charged", n)
	}
}

func TestChargeRefused(t *testing.T) {
	a, h := usageAPI(t)
	for _, c := range []struct {
		name, body string
		who        *access.Principal
		status     int
		code       string
	}{
		{"two charges", line("m-1") + "\n" + line("m-2"), service(), 422, "invalid_request"},
		{"nothing", " \n", service(), 422, "invalid_request"},
		{"too large", strings.Repeat("x", MaxChargeBytes+1), service(), 413, CodeTooLarge},
		{"a partner", line("m-1"), partner("PA-1"), 403, CodeForbidden},
		{"nobody", line("m-1"), nil, 401, CodeUnauthenticated},
	} {
		var p Problem
		w := as(c.who, h, "POST", "/v1/charges", c.body)
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != c.status || p.Code != c.code || p.Detail == "" {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
		}
	}
	a.taking.charges.Store(MaxCharges)
	w := as(service(), h, "POST", "/v1/charges", line("m-1"))
	if w.Code != 503 || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "overloaded") {
		t.Errorf("overloaded: %d %s %v", w.Code, w.Body, w.Header())
	}
	a.taking.charges.Store(0)
	if n := charged(t, a); n != 0 {
		t.Errorf("%d charged of what was refused", n)
	}
}

// ended is the last line of an answer, and how many lines came before it.
func ended(t *testing.T, text []byte) (end UploadEnd, lines []ChargeLine) {
	t.Helper()
	all := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	for _, l := range all[:len(all)-1] {
		var u ChargeLine
		if err := json.Unmarshal(l, &u); err != nil || u.Line == 0 || u.Outcome == "" {
			t.Fatalf("line %s: %v", l, err)
		}
		lines = append(lines, u)
	}
	if err := json.Unmarshal(all[len(all)-1], &end); err != nil || !bytes.HasPrefix(all[len(all)-1], []byte(`{"done":`)) {
		t.Fatalf("the last line is %s: %v", all[len(all)-1], err)
	}
	return end, lines
}

func packed(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.String()
}

func TestUpload(t *testing.T) {
	a, h := usageAPI(t)
	body := line("m-1") + "\n{\"charge_id\":\"m-2\"}\n" + line("m-3") + "\n" + line("m-1") + "\n"
	csv := "charge_id,partner_id,channel_id,waba_id,country,category,pricing_model,occurred_at,amount,currency\nm-9,PA-1,CH-1,102290129340398,BR,marketing,PMP,2026-11-10T10:00:00Z,0.05,EUR\n"
	for _, c := range []struct {
		name, query, body   string
		header              []string
		lines               int
		charged, duplicates int64
	}{
		{"problems alone", "", body, nil, 1, 2, 1},
		{"all, again", "?results=all", body, nil, 4, 0, 3},
		{"the summary alone", "?results=summary", body, nil, 0, 0, 3},
		{"compressed, by its header", "", packed(line("m-4")), []string{"Content-Encoding", "gzip"}, 0, 1, 0},
		{"compressed, by its bytes", "", packed(line("m-5")), nil, 0, 1, 0},
		{"CSV", "?results=all", csv, []string{"Content-Type", "text/csv"}, 1, 1, 0},
		{"nothing", "", "", nil, 0, 0, 0},
	} {
		header := append([]string{"Content-Type", "application/x-ndjson"}, c.header...)
		w := as(service(), h, "POST", "/v1/usage"+c.query, c.body, header...)
		if w.Code != 200 || w.Header().Get("Content-Type") != "application/x-ndjson" {
			t.Fatalf("%s: %d %s", c.name, w.Code, w.Body)
		}
		end, lines := ended(t, w.Body.Bytes())
		if !end.Done || len(lines) != c.lines || end.Summary.Charged != c.charged || end.Summary.Duplicates != c.duplicates {
			t.Errorf("%s: %s", c.name, w.Body)
		}
		if c.lines == 1 && c.query == "" && (lines[0].Line != 2 || lines[0].Reason != "malformed" || lines[0].ChargeID != "m-2") {
			t.Errorf("%s: %+v", c.name, lines[0])
		}
	}
	if n := charged(t, a); n != 5 {
		t.Errorf("%d charged", n)
	}
}

func TestUploadRefused(t *testing.T) {
	a, h := usageAPI(t)
	bomb := packed(strings.Repeat(" ", unpackedFree+1<<20))
	for _, c := range []struct {
		name, query, body string
		header            []string
		status            int
		words             string
	}{
		{"another format", "", line("m-1"), []string{"Content-Type", "application/json"}, 415, "application/x-ndjson"},
		{"another compression", "", line("m-1"), []string{"Content-Encoding", "br"}, 415, "gzip"},
		{"gzip that is none", "", line("m-1"), []string{"Content-Encoding", "gzip"}, 422, "is not"},
		{"gzip in gzip", "", packed(packed(line("m-1"))), nil, 422, "twice"},
		{"a bomb", "", bomb, nil, 400, "far more"},
		{"another parameter", "?result=all", line("m-1"), nil, 422, "results"},
		{"another value", "?results=some", line("m-1"), nil, 422, "some"},
		{"a header that is none", "", "charge_id,colour\n", []string{"Content-Type", "text/csv"}, 422, "colour"},
		{"gzip cut short", "", packed(line("m-1"))[:12], nil, 400, "breaks off"},
	} {
		header := append([]string{"Content-Type", "application/x-ndjson"}, c.header...)
		w := as(service(), h, "POST", "/v1/usage"+c.query, c.body, header...)
		var p Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != c.status || !strings.Contains(p.Detail, c.words) {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
		}
	}
	if w := as(partner("PA-1"), h, "POST", "/v1/usage", line("m-1"), "Content-Type", "application/x-ndjson"); w.Code != 403 {
		t.Errorf("a partner: %d %s", w.Code, w.Body)
	}
	a.taking.uploads.Store(MaxUploads)
	if w := as(service(), h, "POST", "/v1/usage", line("m-1"), "Content-Type", "application/x-ndjson"); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("overloaded: %d %s", w.Code, w.Body)
	}
	if n := charged(t, a); n != 0 {
		t.Errorf("%d charged of what was refused", n)
	}
}

// served is the API behind a real connection, for the service.
func served(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(access.With(r.Context(), service())))
	}))
	t.Cleanup(s.Close)
	return s
}

// TestUploadFullDuplex sends a line only after the one before was answered, over
// HTTP/1.1.
func TestUploadFullDuplex(t *testing.T) {
	_, h := usageAPI(t)
	s := served(t, h)
	from, body := io.Pipe()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "POST", s.URL+"/v1/usage?results=all", from)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	go func() { _, _ = fmt.Fprintln(body, line("m-1")) }()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answers := bufio.NewReader(res.Body)
	for i := 1; i <= 5; i++ {
		text, err := answers.ReadBytes('\n')
		var u ChargeLine
		if err != nil || json.Unmarshal(text, &u) != nil || u.Line != i || u.Outcome != "charged" {
			t.Fatalf("answer %d: %s %v", i, text, err)
		}
		if i < 5 {
			_, _ = fmt.Fprintln(body, line(fmt.Sprint("m-", i+1)))
		}
	}
	_ = body.Close()
	text, err := io.ReadAll(answers)
	if err != nil {
		t.Fatal(err)
	}
	if end, _ := ended(t, text); !end.Done || end.Summary.Charged != 5 {
		t.Errorf("%s", text)
	}
}

// TestUploadBroken breaks the connection in the middle of a line: what came
// before stays charged, and the same again counts it once.
func TestUploadBroken(t *testing.T) {
	a, h := usageAPI(t)
	s := served(t, h)
	const lines = 2000
	var body strings.Builder
	for i := range lines {
		fmt.Fprintln(&body, line(fmt.Sprint("m-", i)))
	}
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	half := body.String()[:body.Len()/2]
	fmt.Fprintf(conn, "POST /v1/usage?results=all HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: %d\r\n\r\n%s", body.Len(), half)
	answers := bufio.NewReader(conn)
	for { // until something was answered
		text, err := answers.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(text, `{"line":`) {
			break
		}
	}
	_ = conn.Close()
	s.Close() // waits for the request to end
	before := charged(t, a)
	if before == 0 || before > lines*3/4 {
		t.Fatalf("%d charged of the first half of %d", before, lines)
	}
	w := as(service(), h, "POST", "/v1/usage", body.String(), "Content-Type", "application/x-ndjson")
	end, _ := ended(t, w.Body.Bytes())
	if !end.Done || end.Summary.Charged != lines-before || end.Summary.Duplicates != before || charged(t, a) != lines {
		t.Errorf("%d before, then %s", before, w.Body)
	}
}

// TestUploadBackPressure sends without reading: the ledger stops reading, too,
// instead of keeping the answers in memory.
func TestUploadBackPressure(t *testing.T) {
	_, h := usageAPI(t)
	s := served(t, h)
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const most = 256 << 20
	fmt.Fprintf(conn, "POST /v1/usage?results=all HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: %d\r\n\r\n", most)
	bad := bytes.Repeat([]byte("{}\n"), 1<<16)
	sent := 0
	for sent < most {
		_ = conn.SetWriteDeadline(time.Now().Add(3 * time.Second))
		n, err := conn.Write(bad)
		sent += n
		if err != nil {
			return
		}
	}
	t.Errorf("%d bytes were taken from a client that reads nothing", sent)
}

// FuzzCharge has no body that makes the ledger fail, or that it answers with
// what is no JSON.
func FuzzCharge(f *testing.F) {
	for _, seed := range []string{line("m-1"), "{}", "", "[", `{"object":"whatsapp_business_account","entry":[{}]}`, line("m-1") + "\n" + line("m-2"), "\xff", `{"charge_id":"` + strings.Repeat("x", 300) + `"}`} {
		f.Add([]byte(seed))
	}
	_, h := usageAPI(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		w := as(service(), h, "POST", "/v1/charges", string(body))
		if w.Code >= 500 || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

// FuzzUpload has no body that makes the ledger fail or leaves out the end.
func FuzzUpload(f *testing.F) {
	for _, seed := range []string{line("m-1"), packed(line("m-1")), "\x1f\x8b", packed(line("m-1"))[:20], "\ufeff{}\n\n", "a,b\n"} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	_, h := usageAPI(f)
	f.Fuzz(func(t *testing.T, body []byte, csv bool) {
		kind := "application/x-ndjson"
		if csv {
			kind = "text/csv"
		}
		w := as(service(), h, "POST", "/v1/usage?results=all", string(body), "Content-Type", kind)
		if w.Code >= 500 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if w.Code == 200 {
			ended(t, w.Body.Bytes())
		}
	})
}
