package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"prepayledger/cmd/prepay/internal/httpapi"
	"prepayledger/consumers/intake"
	consumersusage "prepayledger/consumers/usage"
)

// sendUsage gives usage to the ledger at --server, which answers once it is on
// disk.
func (g *globals) sendUsage(ctx context.Context, src consumersusage.Source, progress func(intake.Progress)) (intake.Summary, error) {
	c, err := g.client()
	if err != nil {
		return intake.Summary{}, err
	}
	header := http.Header{"Content-Type": {usageType(src.Name)}}
	response, err := c.Send(ctx, http.MethodPost, "/v1/usage?results=summary", header, &sent{r: src.R, progress: progress})
	if err != nil {
		return intake.Summary{}, err
	}
	defer func() { _ = response.Body.Close() }()
	var end httpapi.UploadEnd
	if err := json.NewDecoder(response.Body).Decode(&end); err != nil {
		return intake.Summary{}, fmt.Errorf("the connection broke: import the file again, nothing counts twice: %w", err)
	}
	if !end.Done {
		if end.Error == nil {
			return end.Summary, errors.New("not everything was taken: import the file again, nothing counts twice")
		}
		return end.Summary, end.Error
	}
	return end.Summary, nil
}

// usageType is the media type of a file by its name; that it is compressed the
// server finds out.
func usageType(name string) string {
	if strings.HasSuffix(strings.TrimSuffix(strings.ToLower(name), ".gz"), ".csv") {
		return "text/csv"
	}
	return "application/x-ndjson"
}

// sent tells how much of a body was sent.
type sent struct {
	r        io.Reader
	progress func(intake.Progress)
	so       intake.Progress
}

// Read implements io.Reader.
func (s *sent) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.so.Consumed += int64(n)
	if s.progress != nil {
		s.progress(s.so)
	}
	return n, err
}
