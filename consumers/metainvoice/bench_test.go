package metainvoice

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
)

// benchLines is the size of a large invoice.
const benchLines = 100_000

// benchValues are the values of one line of it.
func benchValues(i int) []string {
	return []string{
		"MI-2026-10", "INV", "2026-10-01", fmt.Sprintf("1022901293%05d", i%2000), fmt.Sprintf("1065403522%05d", i%9000), "BR", "Brazil",
		"marketing", "regular", "0:MAX", fmt.Sprint(i), fmt.Sprintf("%d.%04d", i/16, i%10_000), "EUR",
	}
}

func benchCSV() string {
	var b strings.Builder
	b.WriteString(head)
	for i := range benchLines {
		b.WriteString(strings.Join(benchValues(i), ",") + "\n")
	}
	return b.String()
}

// benchBook has the figures as numbers.
func benchBook(tb testing.TB) []byte {
	tb.Helper()
	f := excelize.NewFile()
	defer func() { _ = f.Close() }()
	w, err := f.NewStreamWriter("Sheet1")
	must(tb, err)
	must(tb, w.SetRow("A1", headRow()))
	for i := range benchLines {
		row := []any{}
		for _, s := range benchValues(i) {
			row = append(row, s)
		}
		row[volume], row[amount] = i, float64(i/16)+float64(i%10_000)/10_000
		at, err := excelize.CoordinatesToCellName(1, i+2)
		must(tb, err)
		must(tb, w.SetRow(at, row))
	}
	must(tb, w.Flush())
	var b bytes.Buffer
	must(tb, f.Write(&b))
	return b.Bytes()
}

// BenchmarkRead reads 100,000 lines in each shape, beside the plain reader of
// the same file.
func BenchmarkRead(b *testing.B) {
	text := benchCSV()
	b.Run("raw-csv", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r := csv.NewReader(strings.NewReader(text))
			r.ReuseRecord = true
			for {
				if _, err := r.Read(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	mapping, err := ParseMapping("m.toml", strings.NewReader(`encoding = "windows-1252"`+"\n[fields]\n"+mappingByName()))
	must(b, err)
	book := benchBook(b)
	b.Run("raw-excelize", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			f, err := excelize.OpenReader(bytes.NewReader(book), excelize.Options{RawCellValue: true})
			must(b, err)
			rows, err := f.Rows("Sheet1")
			must(b, err)
			for rows.Next() {
				_, err := rows.Columns()
				must(b, err)
			}
			must(b, errors.Join(rows.Error(), rows.Close(), f.Close()))
		}
	})
	for _, c := range []struct {
		name string
		data []byte
		o    Options
	}{
		{"csv", []byte(text), Options{}}, {"mapped", []byte(text), Options{Mapping: mapping}}, {"xlsx", book, Options{Mapping: &Mapping{NumberCells: "15-digits"}}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			var f *File
			for b.Loop() {
				if f, err = Read("inv", bytes.NewReader(c.data), c.o); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(live(&f))/1e6, "MB-kept")
			b.ReportMetric(float64(len(c.data))/1e6, "MB-file")
		})
	}
}

func mappingByName() string {
	var b strings.Builder
	for _, n := range names() {
		fmt.Fprintf(&b, "%s = { column = %q }\n", n, n)
	}
	return b.String()
}

// live is how much of the heap is free once the file is dropped.
func live(f **File) int64 {
	var with, without runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&with)
	*f = nil
	runtime.GC()
	runtime.ReadMemStats(&without)
	return int64(with.HeapAlloc) - int64(without.HeapAlloc)
}

// TestReadKeepsLittle: beside the original and its lines nothing stays, so
// memory is bounded by the limits of files and lines.
func TestReadKeepsLittle(t *testing.T) {
	data := []byte(benchCSV())
	f, err := Read("inv.csv", bytes.NewReader(data), Options{})
	must(t, err)
	lines := len(f.Invoices[0].Lines)
	const perLine = 450 // bytes: a line's struct, doubled by the growth of its slice
	if kept, most := live(&f), int64(len(data))*2+int64(lines)*perLine; kept > most {
		t.Errorf("%d lines of a file of %d bytes keep %d bytes, want at most %d", lines, len(data), kept, most)
	}
}
