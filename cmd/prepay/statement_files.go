package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/apiclient"
	"prepayledger/consumers/statements"
)

// monthEnd writes the month-end statement to the files that are asked for.
func (c *statementCmd) monthEnd(ctx context.Context, g *globals) error {
	s, err := ask(ctx, g,
		func(r *apiclient.ClientWithResponses) (*http.Response, error) {
			return r.GetMonthEndStatement(ctx, c.Partner, string(c.Month.Month))
		},
		func(a *desk.Desk) (*statements.Statement, error) {
			return a.MonthEndStatement(ctx, c.Partner, c.Month.Month)
		})
	if err != nil {
		return err
	}
	files := []string{}
	for _, f := range []struct {
		name, flag string
		write      func(io.Writer) error
	}{
		{c.PDF, "--pdf", func(w io.Writer) error {
			data, err := s.PDF(c.Name)
			if err == nil {
				_, err = w.Write(data)
			}
			return err
		}},
		{c.XLSX, "--xlsx", s.XLSX}, {c.FullCSV, "--full-csv", s.CSV},
	} {
		if f.name == "" {
			continue
		}
		if f.name == "-" {
			return f.write(g.Stdout)
		}
		if err := writeWhole(f.name, f.write); err != nil {
			return fmt.Errorf("%s: %w", f.flag, err)
		}
		files = append(files, f.name)
	}
	return g.print(map[string]any{"statement": s, "files": files}, func(w io.Writer) {
		for _, f := range files {
			fmt.Fprintf(w, "%s is written.\n", f)
		}
		fmt.Fprintf(w, "%s, %s: %s\n", s.PartnerID, s.Month, s.Status())
	})
}

// writeWhole writes a file whole or not at all.
func writeWhole(path string, write func(io.Writer) error) (err error) {
	unfinished := path + ".tmp"
	file, err := os.Create(unfinished)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(unfinished)
		}
	}()
	if err := errors.Join(write(file), file.Close()); err != nil {
		return err
	}
	return os.Rename(unfinished, path)
}
