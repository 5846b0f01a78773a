package runindex

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// buildFilter makes the filter of the prefixes, sorted.
func buildFilter(tb testing.TB, prefixes []uint64) *filter {
	b, err := newFilterBuilder(uint64(len(prefixes)))
	if err != nil {
		tb.Fatal(err)
	}
	for _, p := range prefixes {
		b.add(p)
	}
	b.finish()
	tb.Cleanup(func() { release(b.mem) })
	return &b.filter
}

// ask does both steps of a question.
func ask(f *filter, prefix uint64) (from, to uint32, ok bool) {
	if len(f.probe(new(maybe), []uint64{prefix})) == 0 {
		return 0, 0, false
	}
	return f.compare(prefix)
}

func TestFilterNamesTheRecordsOfEveryKey(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for name, next := range map[string]func() uint64{
		"uniform":   rng.Uint64,
		"few":       func() uint64 { return rng.Uint64N(40) << 58 },
		"low":       func() uint64 { return rng.Uint64N(1000) },
		"high":      func() uint64 { return ^rng.Uint64N(1000) },
		"squeezed":  func() uint64 { return rng.Uint64() >> (rng.Uint64N(64)) },
		"all equal": func() uint64 { return 1 << 40 },
	} {
		for _, n := range []int{0, 1, 2, 33, 34, 35, 64, 65, 500, 5000} {
			prefixes := make([]uint64, n)
			for i := range prefixes {
				prefixes[i] = next()
			}
			slices.Sort(prefixes)
			f := buildFilter(t, prefixes)
			for i, p := range prefixes {
				from, to, ok := ask(f, p)
				if !ok || uint32(i) < from || uint32(i) >= to || int(to) > n {
					t.Fatalf("%s, %d keys: record %d of prefix %x is not in %d..%d (%v)", name, n, i, p, from, to, ok)
				}
			}
		}
	}
}

func TestFilterIsSeldomWrong(t *testing.T) {
	const n, asked = 100_000, 1_000_000
	rng := rand.New(rand.NewPCG(1, 2))
	prefixes := make([]uint64, n)
	for i := range prefixes {
		prefixes[i] = rng.Uint64()
	}
	slices.Sort(prefixes)
	f := buildFilter(t, prefixes)
	wrong, records := 0, 0
	for range asked {
		if from, to, ok := ask(f, rng.Uint64()); ok {
			wrong++
			records += int(to - from)
		}
	}
	t.Logf("%d of %d unknown keys are a maybe, naming %d records; %.2f bits an entry", wrong, asked, records, float64(len(f.mem))*8/n)
	if wrong > asked/1000 || wrong < asked/5000 {
		t.Errorf("%d of %d unknown keys are a maybe, expected about 0.08 %%", wrong, asked)
	}
	if b := float64(len(f.mem)) * 8 / n; b > 15.1 {
		t.Errorf("%.2f bits an entry", b)
	}
}
