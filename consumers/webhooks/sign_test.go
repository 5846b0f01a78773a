package webhooks_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"prepayledger/consumers/notices"
	"prepayledger/consumers/webhooks"
)

const (
	oldSecret = "0123456789abcdef"
	newSecret = "fedcba9876543210"
)

func TestVerify(t *testing.T) {
	at := time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)
	body := []byte(`{"id":"1"}`)
	header := webhooks.Sign(body, []string{newSecret, oldSecret}, at)
	for name, tc := range map[string]struct {
		header  string
		body    string
		secrets []string
		now     time.Time
		valid   bool
	}{
		"sound":                       {header, string(body), []string{newSecret}, at, true},
		"receiver before rotation":    {header, string(body), []string{oldSecret}, at, true},
		"receiver in rotation":        {header, string(body), []string{"another secret of another", oldSecret}, at, true},
		"just in time":                {header, string(body), []string{newSecret}, at.Add(webhooks.DefaultTolerance), true},
		"receiver's clock is behind":  {header, string(body), []string{newSecret}, at.Add(-webhooks.DefaultTolerance), true},
		"other header parts":          {header + ",v2=zz", string(body), []string{newSecret}, at, true},
		"too late":                    {header, string(body), []string{newSecret}, at.Add(webhooks.DefaultTolerance + time.Second), false},
		"from the future":             {header, string(body), []string{newSecret}, at.Add(-webhooks.DefaultTolerance - time.Second), false},
		"other body":                  {header, `{"id":"2"}`, []string{newSecret}, at, false},
		"other secret":                {header, string(body), []string{"another secret of another"}, at, false},
		"no secret":                   {header, string(body), nil, at, false},
		"time changed":                {strings.Replace(header, "t=1", "t=2", 1), string(body), []string{newSecret}, at, false},
		"time moved within tolerance": {strings.Replace(header, "t=1790856000", "t=1790856001", 1), string(body), []string{newSecret}, at, false},
		"two times":                   {header + ",t=1", string(body), []string{newSecret}, at, false},
		"no time":                     {strings.SplitN(header, ",", 2)[1], string(body), []string{newSecret}, at, false},
		"no signature":                {strings.SplitN(header, ",", 2)[0], string(body), []string{newSecret}, at, false},
		"not hex":                     {"t=1,v1=xyz", string(body), []string{newSecret}, at, false},
		"not a time":                  {"t=now,v1=00", string(body), []string{newSecret}, at, false},
		"nothing":                     {"", string(body), []string{newSecret}, at, false},
	} {
		err := webhooks.Verify(tc.header, []byte(tc.body), tc.secrets, 0, tc.now)
		if (err == nil) != tc.valid || err != nil && !errors.Is(err, webhooks.ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !strings.HasPrefix(header, "t=1790856000,v1=") {
		t.Errorf("header %s", header)
	}
	empty := webhooks.Sign(body, []string{""}, at)
	if err := webhooks.Verify(empty, body, []string{""}, 0, at); err == nil {
		t.Error("an unset secret lets everybody in")
	}
}

// The signature is what others compute: HMAC-SHA256 of "t.body", here by
// openssl.
func TestSignatureOfOthers(t *testing.T) {
	const want = "t=1790856000,v1=029dff045d0fd840398ecf682d6c698aabd3f0bfe125f0ded4a771442280b296"
	if got := webhooks.Sign([]byte(`{"id":"1"}`), []string{oldSecret}, time.Unix(1790856000, 0)); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestValidate(t *testing.T) {
	good := webhooks.Endpoint{Name: "crm", URL: "https://example.com/hooks?a=b", Secrets: []string{oldSecret}}
	for name, tc := range map[string]struct {
		change func(*webhooks.Endpoint)
		says   string
	}{
		"good":             {func(*webhooks.Endpoint) {}, ""},
		"loopback":         {func(e *webhooks.Endpoint) { e.URL = "http://127.0.0.1:8080/x" }, ""},
		"loopback 6":       {func(e *webhooks.Endpoint) { e.URL = "http://[::1]:8080/x" }, ""},
		"localhost":        {func(e *webhooks.Endpoint) { e.URL = "http://localhost/x" }, ""},
		"allowed http":     {func(e *webhooks.Endpoint) { e.URL, e.AllowHTTP = "http://crm.internal/x", true }, ""},
		"filtered":         {func(e *webhooks.Endpoint) { e.Kinds, e.Partners = []notices.Kind{notices.Blocked}, []string{"PA-1"} }, ""},
		"http":             {func(e *webhooks.Endpoint) { e.URL = "http://example.com/x" }, "url must be https"},
		"almost localhost": {func(e *webhooks.Endpoint) { e.URL = "http://localhost.example.com/x" }, "url must be https"},
		"other scheme":     {func(e *webhooks.Endpoint) { e.URL = "file:///etc/passwd" }, "url must be an address"},
		"user in url":      {func(e *webhooks.Endpoint) { e.URL = "https://u:p@example.com/" }, "without user"},
		"no url":           {func(e *webhooks.Endpoint) { e.URL = "" }, "url must be"},
		"no name":          {func(e *webhooks.Endpoint) { e.Name = "" }, "the name must"},
		"name with a dot":  {func(e *webhooks.Endpoint) { e.Name = "a.b" }, "the name must"},
		"no secret":        {func(e *webhooks.Endpoint) { e.Secrets = nil }, "0 secrets"},
		"short secret":     {func(e *webhooks.Endpoint) { e.Secrets = []string{"topsecret"} }, "secret 1 is shorter"},
		"many secrets":     {func(e *webhooks.Endpoint) { e.Secrets = make([]string, webhooks.MaxSecrets+1) }, "secrets"},
		"unknown kind":     {func(e *webhooks.Endpoint) { e.Kinds = []notices.Kind{"Mood"} }, "no kind of notice"},
		"empty partner":    {func(e *webhooks.Endpoint) { e.Partners = []string{""} }, "partner id is empty"},
		"many filters":     {func(e *webhooks.Endpoint) { e.Partners = make([]string, webhooks.MaxFilters+1) }, "leave one of them empty"},
	} {
		e := good
		tc.change(&e)
		err := e.Validate()
		if tc.says == "" && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if tc.says != "" && (!errors.Is(err, webhooks.ErrEndpoint) || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "topsecret")) {
			t.Errorf("%s: %v, want %q", name, err, tc.says)
		}
	}
	if _, err := webhooks.New(nil, []webhooks.Endpoint{{Name: "x"}}, webhooks.Options{}); !errors.Is(err, webhooks.ErrEndpoint) {
		t.Errorf("New takes a bad endpoint: %v", err)
	}
	if _, err := webhooks.New(nil, []webhooks.Endpoint{good, good}, webhooks.Options{}); !errors.Is(err, webhooks.ErrEndpoint) || !strings.Contains(err.Error(), "twice") {
		t.Errorf("New takes a name twice: %v", err)
	}
	if _, err := webhooks.New(nil, make([]webhooks.Endpoint, webhooks.MaxEndpoints+1), webhooks.Options{}); !errors.Is(err, webhooks.ErrEndpoint) {
		t.Errorf("New takes any number of endpoints: %v", err)
	}
}
