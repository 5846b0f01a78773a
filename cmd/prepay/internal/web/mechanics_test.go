package web_test

import (
	"bufio"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"prepayledger/cmd/prepay/internal/web/webtest"
)

// get asks for a path, with some headers by name and value.
func get(t *testing.T, c *http.Client, at string, headers ...string) (*http.Response, string) {
	t.Helper()
	return ask(t, c, http.MethodGet, at, headers...)
}

func ask(t *testing.T, c *http.Client, method, at string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, at, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(text)
}

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// TestPolicy: every page has the policy, and nothing in it that breaks the
// policy: no inline styles, scripts or handlers.
func TestPolicy(t *testing.T) {
	s := webtest.Start(t)
	inline := regexp.MustCompile(`(?i)\sstyle=|\son[a-z]+=|<style|javascript:|<script(>|[^>]*type="text)`)
	for email, paths := range map[string][]string{
		"":              {"/sign-in", "/forgot-password", "/set-password?token=x", "/no-such-page"},
		webtest.Ana:     {"/me", "/no-such-page", "/audit/access"},
		webtest.Auditor: {"/audit/streams", "/audit/streams/account-PA-1001", "/audit/search?q=PA-1001", "/audit/verification", "/audit/access"},
	} {
		c := s.Client(t, email)
		for _, path := range paths {
			answer, text := get(t, c, s.URL+path)
			if got := answer.Header.Get("Content-Security-Policy"); got != policy {
				t.Errorf("%s: policy %q", path, got)
			}
			if answer.Header.Get("X-Content-Type-Options") != "nosniff" || answer.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: headers %v", path, answer.Header)
			}
			if found := inline.FindString(text); found != "" {
				t.Errorf("%s has %q", path, found)
			}
			if answer.StatusCode == http.StatusOK && !strings.Contains(text, "<h1") {
				t.Errorf("%s has no heading", path)
			}
		}
	}
}

// TestAssets are kept by browsers for ever, since their names have their
// contents' hashes; compressed for who takes that.
func TestAssets(t *testing.T) {
	s := webtest.Start(t)
	c := s.Client(t, "")
	_, page := get(t, c, s.URL+"/sign-in")
	files := regexp.MustCompile(`/assets/[^"]+`).FindAllString(page, -1)
	if len(files) != 2 {
		t.Fatalf("the page loads %q", files)
	}
	for _, file := range files {
		answer, plain := get(t, c, s.URL+file, "Accept-Encoding", "identity")
		if answer.StatusCode != http.StatusOK || answer.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" || plain == "" {
			t.Errorf("%s: %s %v", file, answer.Status, answer.Header)
		}
		zipped, bytes := get(t, c, s.URL+file, "Accept-Encoding", "gzip")
		if zipped.Header.Get("Content-Encoding") != "gzip" || len(bytes) >= len(plain)/2 {
			t.Errorf("%s: %d bytes of %d, %v", file, len(bytes), len(plain), zipped.Header)
		}
		if head, text := ask(t, c, http.MethodHead, s.URL+file); head.StatusCode != http.StatusOK || text != "" {
			t.Errorf("HEAD %s: %s %q", file, head.Status, text)
		}
	}
	for _, path := range []string{"/assets/", "/assets/app.js", "/assets/manifest.json", "/assets/../web.go"} {
		if answer, _ := get(t, c, s.URL+path); answer.StatusCode == http.StatusOK {
			t.Errorf("%s answers %s", path, answer.Status)
		}
	}
}

// TestNobody is sent to the sign-in, which leads back to the page: not to where
// something would be done, and never to another site.
func TestNobody(t *testing.T) {
	s := webtest.Start(t)
	c := s.Client(t, "")
	for _, test := range []struct {
		method, path string
		headers      []string
		location, hx string
	}{
		{"GET", "/audit/streams?kind=month", nil, "/sign-in?next=%2Faudit%2Fstreams%3Fkind%3Dmonth", ""},
		{"GET", "/", nil, "/sign-in", ""},
		{"POST", "/audit/verification", nil, "/sign-in", ""},
		{"POST", "/audit/verification", []string{"Referer", s.URL + "/audit/verification"}, "/sign-in?next=%2Faudit%2Fverification", ""},
		{"POST", "/audit/verification", []string{"Referer", "https://elsewhere.example/x"}, "/sign-in", ""},
		{"GET", "/audit/streams", []string{"HX-Request", "true", "Referer", s.URL + "/audit/streams?kind=waba"}, "", "/sign-in?next=%2Faudit%2Fstreams%3Fkind%3Dwaba"},
	} {
		answer, _ := ask(t, c, test.method, s.URL+test.path, test.headers...)
		if got := answer.Header.Get("Location"); got != test.location || answer.Header.Get("HX-Redirect") != test.hx {
			t.Errorf("%s %s %v: %s to %q, %q", test.method, test.path, test.headers, answer.Status, got, answer.Header.Get("HX-Redirect"))
		}
	}
}

// TestOtherSites can't send forms with somebody's session.
func TestOtherSites(t *testing.T) {
	s := webtest.Start(t)
	c := s.Client(t, webtest.Auditor)
	for _, headers := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://elsewhere.example"}} {
		answer, text := ask(t, c, http.MethodPost, s.URL+"/audit/verification", headers...)
		if answer.StatusCode != http.StatusForbidden || !strings.Contains(text, "another site") {
			t.Errorf("%v: %s", headers, answer.Status)
		}
	}
	if answer, _ := ask(t, c, http.MethodPost, s.URL+"/audit/verification", "Sec-Fetch-Site", "same-origin"); answer.StatusCode != http.StatusSeeOther {
		t.Errorf("this site: %s", answer.Status)
	}
}

// TestFollowing is for who may see the account; a user has a limited number of
// connections, and one that ends makes room.
func TestFollowing(t *testing.T) {
	s := webtest.Start(t)
	partner := s.Client(t, webtest.PartnerEmail("PA-1001"))
	for path, want := range map[string]int{"/live": http.StatusForbidden, "/live?account=PA-1002": http.StatusNotFound, "/live?account=PA-9": http.StatusNotFound} {
		if answer, _ := get(t, partner, s.URL+path); answer.StatusCode != want {
			t.Errorf("%s: %s", path, answer.Status)
		}
	}
	const most = 20
	var open []*http.Response
	follow := func() *http.Response {
		answer, err := partner.Get(s.URL + "/live?" + url.Values{"account": {"PA-1001"}}.Encode())
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	for range most {
		answer := follow()
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" {
			t.Fatalf("%s %v", answer.Status, answer.Header)
		}
		if line, err := bufio.NewReader(answer.Body).ReadString('\n'); err != nil || line != ": welcome\n" {
			t.Fatalf("%q %v", line, err)
		}
		open = append(open, answer)
	}
	if answer := follow(); answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" {
		t.Errorf("one too many: %s", answer.Status)
	}
	open[0].Body.Close()
	for { // the server notices that by itself
		answer := follow()
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			break
		}
		if t.Context().Err() != nil {
			t.Fatal("there is no room again")
		}
	}
}
