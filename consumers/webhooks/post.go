package webhooks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"prepayledger/consumers/natsbus"
)

const (
	// Timeout bounds one request, its answer included.
	Timeout = 10 * time.Second
	// maxAnswerBytes is how much of an answer is read.
	maxAnswerBytes = 64 << 10
	// maxHeaderBytes bounds an answer's header.
	maxHeaderBytes = 64 << 10
	// maxRedirects bounds the redirects of a request, all to the same host.
	maxRedirects = 3
	// contentType is that of an event in structured mode.
	contentType = "application/cloudevents+json; charset=utf-8"
)

// event is a CloudEvent 1.0 in structured mode.
type event struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Subject         string          `json:"subject,omitempty"`
	Time            string          `json:"time,omitempty"`
	DataContentType string          `json:"datacontenttype"`
	Position        string          `json:"position,omitempty"`
	Revision        string          `json:"revision,omitempty"`
	Data            json.RawMessage `json:"data"`
}

// errNoNotice says that a message is not one that can be sent.
var errNoNotice = errors.New("the message is not a notice")

// structured makes the body of a request from a notice's message.
func structured(h nats.Header, data []byte) ([]byte, error) {
	subject, err := url.PathUnescape(h.Get("ce-subject"))
	e := event{
		SpecVersion: h.Get("ce-specversion"), ID: h.Get("ce-id"), Source: h.Get("ce-source"), Type: h.Get("ce-type"), Subject: subject,
		Time: h.Get("ce-time"), DataContentType: h.Get("ce-datacontenttype"), Position: h.Get(natsbus.PositionHeader),
		Revision: h.Get(natsbus.RevisionHeader), Data: data,
	}
	if err != nil || e.ID == "" || e.Type == "" || e.SpecVersion != "1.0" || !json.Valid(data) {
		return nil, errNoNotice
	}
	return json.Marshal(e)
}

// newClient makes an endpoint's own client: nothing is shared with others. It
// follows redirects that stay on the host and send the same request again.
func newClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxResponseHeaderBytes = maxHeaderBytes
	t.MaxConnsPerHost = 2
	return &http.Client{
		Transport: t, Timeout: Timeout,
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects || r.URL.Host != via[0].URL.Host || r.URL.Scheme != via[0].URL.Scheme || r.Method != http.MethodPost {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}
}

// outcome is how an attempt ended.
type outcome struct {
	// status is the answer's; 0 where there was none.
	status int
	// wait is how long the receiver asks to be left alone.
	wait time.Duration
	// reason says what was wrong; empty where it was delivered.
	reason string
}

// post sends a body once.
func (e *endpoint) post(ctx context.Context, body []byte) outcome {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.config.URL, bytes.NewReader(body))
	if err != nil {
		return outcome{reason: err.Error()}
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("User-Agent", "prepay-webhooks")
	r.Header.Set(SignatureHeader, Sign(body, e.config.Secrets, e.opts.Clock()))
	answer, err := e.client.Do(r)
	if err != nil {
		return outcome{reason: strings.ReplaceAll(err.Error(), "\n", " ")}
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswerBytes) // so that the connection can be used again; what it says doesn't matter
	if answer.StatusCode/100 == 2 {
		return outcome{status: answer.StatusCode}
	}
	return outcome{status: answer.StatusCode, wait: retryAfter(answer.Header, e.opts.Clock()), reason: fmt.Sprintf("answered %s", answer.Status)}
}
