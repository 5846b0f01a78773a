package usage

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"go.uber.org/goleak"

	"prepayledger/domain"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func zip(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Batches come in order, whole, with line numbers and progress, from plain
// and compressed sources alike.
func TestReadAllInOrder(t *testing.T) {
	const n = 5000
	data := chargeLines(n, true)
	for name, source := range map[string][]byte{"u.ndjson": data, "u.ndjson.gz": zip(t, data)} {
		next, consumed := 1, int64(0)
		stats, err := ReadAll(context.Background(), Source{Name: name, R: bytes.NewReader(source)}, Options{Workers: 4}, func(b *Batch) error {
			if b.FirstLine != next || b.LastLine-b.FirstLine+1 != len(b.Items) || b.Consumed < consumed {
				t.Errorf("lines %d to %d, want from %d; %d items; consumed %d after %d", b.FirstLine, b.LastLine, next, len(b.Items), b.Consumed, consumed)
			}
			for _, it := range b.Items {
				if want := fmt.Sprintf("wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQUFERjg0NDEz%08d", next-1); it.Charge.ChargeID != want || it.Pos != (Position{name, next}) {
					t.Fatalf("item %+v, want %s in line %d", it, want, next)
				}
				next++
			}
			consumed = b.Consumed
			return nil
		})
		if err != nil || stats != (Stats{Lines: n, Charges: n}) || consumed != int64(len(source)) {
			t.Errorf("%s: %+v, %v, consumed %d of %d", name, stats, err, consumed, len(source))
		}
	}
}

func TestReadAllOfNothing(t *testing.T) {
	for _, data := range [][]byte{nil, []byte("\ufeff"), []byte("\n\n"), zip(t, nil)} {
		items, stats, err := readAll("u.ndjson", bytes.NewReader(data))
		if err != nil || len(items) != 0 || stats.Charges != 0 {
			t.Errorf("%q: %+v, %v", data, stats, err)
		}
	}
}

// A truncated or damaged archive delivers everything before the break, then
// says where it broke.
func TestTruncatedGzip(t *testing.T) {
	data := chargeLines(3000, true)
	lines := bytes.SplitAfter(data, []byte{'\n'})
	whole := zip(t, data)
	for _, size := range []int{2, 9, 15, len(whole) / 3, len(whole) / 2, len(whole) - 9, len(whole) - 1} {
		part := whole[:size]
		items, stats, err := readAll("u.ndjson.gz", bytes.NewReader(part))
		var broken *SourceError
		if !errors.As(err, &broken) || !errors.Is(err, io.ErrUnexpectedEOF) || broken.LastLine != stats.Lines || len(items) != stats.Lines || stats.Malformed != 0 {
			t.Fatalf("%d bytes: %+v, %v", size, stats, err)
		}
		if !strings.Contains(err.Error(), fmt.Sprintf("u.ndjson.gz breaks off after line %d", stats.Lines)) {
			t.Errorf("%d bytes: %v", size, err)
		}
		z, zerr := gzip.NewReader(bytes.NewReader(part))
		readable := 0
		if zerr == nil {
			plain, _ := io.ReadAll(z)
			readable = bytes.Count(plain, []byte{'\n'})
		}
		if stats.Lines != readable {
			t.Errorf("%d bytes: %d lines delivered, %d were readable", size, stats.Lines, readable)
		}
	}
	for name, damaged := range map[string][]byte{
		"checksum": append(bytes.Clone(whole[:len(whole)-8]), "00000000"...),
		"trailing": append(bytes.Clone(whole), "not gzip at all"...),
	} {
		_, stats, err := readAll("u.gz", bytes.NewReader(damaged))
		var broken *SourceError
		if !errors.As(err, &broken) || stats.Charges != len(lines)-1 {
			t.Errorf("%s: %+v, %v", name, stats, err)
		}
	}
}

func TestBrokenSource(t *testing.T) {
	broken := errors.New("cable pulled")
	for _, name := range []string{"u.ndjson", "u.csv"} {
		head := []byte(sound + "\n" + sound + "\n" + sound[:20])
		want := 2
		if name == "u.csv" {
			head, want = []byte(csvHeader+"\n"+csvLine+"\n"+csvLine[:20]), 1
		}
		items, _, err := readAll(name, io.MultiReader(bytes.NewReader(head), iotest.ErrReader(broken)))
		var s *SourceError
		if !errors.As(err, &s) || !errors.Is(err, broken) || s.LastLine != 2 || len(items) != want {
			t.Errorf("%s: %d items, %v", name, len(items), err)
		}
	}
	_, _, err := readAll("u.csv", io.MultiReader(strings.NewReader(csvHeader), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) {
		t.Errorf("broken within the header: %v", err)
	}
}

// repeated yields n bytes of the same chunk without holding them.
type repeated struct {
	chunk string
	n     int
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.n == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.chunk[:min(len(r.chunk), r.n)])
	r.n -= n
	return n, nil
}

// A line of 100 MB is malformed, carries what its beginning tells, and does
// not fill the memory.
func TestHugeLine(t *testing.T) {
	const huge = 100 << 20
	const most = 24 << 20 // bytes that may be allocated on the way
	chunk := strings.Repeat("x", 64<<10)
	start := strings.TrimSuffix(sound, "}") + `,"x":"`
	for ending, want := range map[string]int{"\"}\n" + sound + "\n": 3, "": 2} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		items, stats, err := readAll("u.ndjson", io.MultiReader(strings.NewReader(sound+"\n"+start), &repeated{chunk, huge}, strings.NewReader(ending)))
		runtime.ReadMemStats(&after)
		if err != nil || stats.Malformed != 1 || len(items) != want {
			t.Fatalf("%d items, %+v, %v", len(items), stats, err)
		}
		bad := items[1].Charge
		if bad.Malformed != "u.ndjson line 2: it is longer than 1048576 bytes; it is no charge, or line breaks are missing." || bad.ChargeID != "c-1" || bad.PartnerID != "PA-1001" || len(bad.Raw) != domain.MaxRawBytes {
			t.Errorf("%+v", bad)
		}
		if len(items) > 2 && (items[2].Pos.Line != 3 || items[2].Charge.Malformed != "") {
			t.Errorf("after it: %+v", items[2])
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > most {
			t.Errorf("%d bytes were allocated, at most %d", used, most)
		}
	}
	broken := errors.New("cable pulled")
	_, stats, err := readAll("u.ndjson", io.MultiReader(strings.NewReader(sound+"\n"), &repeated{chunk, huge / 10}, iotest.ErrReader(broken)))
	if !errors.Is(err, broken) || stats.Charges != 1 {
		t.Errorf("broken within it: %+v, %v", stats, err)
	}
}

// Lines at the limit are whole; one byte more is malformed.
func TestLineAtTheLimit(t *testing.T) {
	line := func(size int) string { return sound + strings.Repeat(" ", size-len(sound)) }
	data := line(MaxLineBytes) + "\n" + line(MaxLineBytes+1) + "\n" + line(BlockBytes) + "\n" + line(BlockBytes-1) + "\n" + line(MaxLineBytes)
	items, stats, err := readAll("u.ndjson", strings.NewReader(data))
	if err != nil || stats != (Stats{Lines: 5, Charges: 5, Malformed: 1}) || items[1].Charge.Malformed == "" || items[1].Charge.ChargeID != "c-1" {
		t.Errorf("%+v, %v", stats, err)
	}
}

// However the source hands out its bytes and wherever the blocks' borders
// fall, the lines are the same as when the text is split at its line ends.
func TestSplitterAgainstSplit(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 30 {
		var b bytes.Buffer
		for range rng.IntN(60) {
			size := rng.IntN(2000)
			if rng.IntN(10) == 0 {
				size = []int{0, BlockBytes - 1, BlockBytes, BlockBytes + 1, MaxLineBytes}[rng.IntN(5)]
			}
			b.WriteString(strings.Repeat("x", size))
			b.WriteByte('\n')
		}
		b.WriteString(strings.Repeat("y", rng.IntN(3)*1000))
		want := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		if b.Len() == 0 {
			want = nil
		}
		var r io.Reader = bytes.NewReader(b.Bytes())
		switch rng.IntN(3) {
		case 0:
			r = iotest.HalfReader(r)
		case 1:
			r = iotest.DataErrReader(r)
		}
		s, block := NewSplitter(Source{Name: "u.ndjson", R: r}), Block{}
		var got []string
		for {
			err := s.Next(&block)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil || block.FirstLine != len(got)+1 || block.tooLong {
				t.Fatalf("block from line %d after %d lines, %v", block.FirstLine, len(got), err)
			}
			got = append(got, strings.Split(strings.TrimSuffix(string(block.Data), "\n"), "\n")...)
		}
		if len(got) != len(want) || strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Fatalf("%d lines, want %d", len(got), len(want))
		}
	}
}

// What the caller says ends the reading at once.
func TestReadAllStops(t *testing.T) {
	data := chargeLines(20_000, true)
	enough := errors.New("enough")
	calls := 0
	stats, err := ReadAll(context.Background(), Source{Name: "u.ndjson", R: bytes.NewReader(data)}, Options{}, func(*Batch) error {
		if calls++; calls == 3 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || calls != 3 || stats.Charges == 0 || stats.Charges >= 20_000 {
		t.Errorf("%d calls, %+v, %v", calls, stats, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	_, err = ReadAll(ctx, Source{Name: "u.ndjson", R: bytes.NewReader(data)}, Options{}, func(*Batch) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	_, err = ReadAll(ctx, Source{Name: "u.ndjson", R: bytes.NewReader(data)}, Options{}, func(*Batch) error { t.Error("called though cancelled"); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v", err)
	}
}
