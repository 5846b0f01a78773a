package webhooks

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"

	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/notices"
)

// Limits of the configuration.
const (
	// MaxEndpoints bounds the endpoints of a sender.
	MaxEndpoints = 100
	// MaxSecrets bounds the secrets of an endpoint.
	MaxSecrets = 4
	// MaxFilters bounds the kinds times the partners of an endpoint.
	MaxFilters = 1000
)

// Endpoint is one receiver of notices.
type Endpoint struct {
	// Name is the receiver's for ever: 1 to 32 of a-z, 0-9, - and _. What it
	// has got is kept under it.
	Name string `json:"name"`
	// URL takes the POST requests; https, unless the host is the machine
	// itself or AllowHTTP is set.
	URL string `json:"url"`
	// Secrets sign each request, 1 to MaxSecrets of at least MinSecretBytes.
	// To rotate, add the new one, change the receiver, remove the old one.
	Secrets []string `json:"secrets"`
	// Kinds and Partners are whom and what it is told of; empty is all.
	Kinds    []notices.Kind `json:"kinds,omitempty"`
	Partners []string       `json:"partners,omitempty"`
	// AllowHTTP lets the URL be http: the network is trusted.
	AllowHTTP bool `json:"allow_http,omitempty"`
}

// ErrEndpoint is wrapped by refusals of a configuration.
var ErrEndpoint = errors.New("webhook endpoint")

var nameForm = regexp.MustCompile(`^[a-z0-9_-]{1,32}$`)

// Validate says in a sentence what is wrong with an endpoint. Secrets are
// never part of it.
func (e *Endpoint) Validate() error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%w %.40q: %s", ErrEndpoint, e.Name, fmt.Sprintf(format, args...))
	}
	if !nameForm.MatchString(e.Name) {
		return fail("the name must have 1 to 32 of a-z, 0-9, - and _")
	}
	u, err := url.Parse(e.URL)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http":
		return fail("url must be an address like https://example.com/hooks, without user and password")
	case u.Scheme == "http" && !e.AllowHTTP && !loopback(u.Hostname()):
		return fail("url must be https; set allow_http if the network is trusted")
	case len(e.Secrets) == 0 || len(e.Secrets) > MaxSecrets:
		return fail("it has %d secrets; give 1 to %d", len(e.Secrets), MaxSecrets)
	case max(1, len(e.Kinds))*max(1, len(e.Partners)) > MaxFilters:
		return fail("kinds times partners are more than %d; leave one of them empty", MaxFilters)
	}
	for i, s := range e.Secrets {
		if len(s) < MinSecretBytes {
			return fail("secret %d is shorter than %d bytes", i+1, MinSecretBytes)
		}
	}
	for _, k := range e.Kinds {
		if !slices.Contains(notices.Kinds(), k) {
			return fail("%.40q is no kind of notice; the kinds are %v", k, notices.Kinds())
		}
	}
	for _, p := range e.Partners {
		if p == "" {
			return fail("a partner id is empty")
		}
	}
	return nil
}

// loopback says that a host is this machine.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// subjects are those of the notices that the endpoint is told of.
func (e *Endpoint) subjects() (subjects []string) {
	partners, kinds := []string{"*"}, []string{"*"}
	if len(e.Partners) > 0 {
		partners = nil
		for _, p := range e.Partners {
			partners = append(partners, natsbus.Token(p))
		}
	}
	if len(e.Kinds) > 0 {
		kinds = nil
		for _, k := range e.Kinds {
			kinds = append(kinds, natsbus.Token(string(k)))
		}
	}
	for _, p := range partners {
		for _, k := range kinds {
			subjects = append(subjects, natsbus.NoticesPrefix+p+"."+k)
		}
	}
	slices.Sort(subjects)
	return slices.Compact(subjects) // JetStream refuses overlapping ones
}
