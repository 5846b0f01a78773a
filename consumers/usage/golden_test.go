package usage

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var rewrite = flag.Bool("update", false, "write the golden files anew")

// What the sample files are read as is kept beside them, one JSON object a
// charge or tier.
func TestGolden(t *testing.T) {
	for _, name := range []string{"mixed.ndjson", "charges.csv"} {
		f, err := os.Open(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var got bytes.Buffer
		out := json.NewEncoder(&got)
		out.SetEscapeHTML(false)
		stats, err := ReadAll(context.Background(), Source{Name: name, R: f}, Options{}, func(b *Batch) error {
			for _, it := range b.Items {
				if err := out.Encode(it); err != nil {
					return err
				}
			}
			for _, tier := range b.Tiers {
				if err := out.Encode(tier); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || out.Encode(stats) != nil {
			t.Fatal(err)
		}
		golden := filepath.Join("testdata", name+".golden")
		if *rewrite {
			if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s is read as\n%s\nwant\n%s", name, got.Bytes(), want)
		}
	}
}
