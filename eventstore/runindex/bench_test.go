package runindex

import (
	"bytes"
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"math/bits"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The size of BenchmarkGrowth: 100000000 takes about a minute and 5 GB of
// disk.
var (
	entriesFlag = flag.Int("entries", 10_000_000, "entries of BenchmarkGrowth")
	fanInFlag   = flag.Int("fanin", 0, "fan-in of BenchmarkGrowth, 0 for the default")
)

// benchBatch is the number of charges that are looked up, then put together.
const benchBatch = 512

// keyNumber makes the i-th key, uniform as a hash is (splitmix64).
func keyNumber(i uint64) (k Key) {
	binary.BigEndian.PutUint64(k[:8], mix(2*i))
	binary.BigEndian.PutUint64(k[8:], mix(2*i+1))
	return k
}

func mix(z uint64) uint64 {
	z = (z + 1) * 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// residentBytes is what the process keeps in memory, 0 where the system
// doesn't say.
func residentBytes() int64 {
	text, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		var kb int64
		if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kb); n == 1 {
			return kb << 10
		}
	}
	return 0
}

// cpuTime is the processor time of all threads so far, 0 where the system
// doesn't say: other than the clock it doesn't count the neighbours' work.
func cpuTime() time.Duration {
	text, _ := os.ReadFile("/proc/self/stat")
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11]) // in ticks of 10 ms
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// insert looks up and puts the keys numbered from and to exclusive, in
// batches.
func insert(tb testing.TB, x *Index, from, to uint64) {
	ctx := context.Background()
	keys := make([]Key, 0, benchBatch)
	entries := make([]Entry, 0, benchBatch)
	for i := from; i < to; {
		keys, entries = keys[:0], entries[:0]
		for ; i < to && len(keys) < benchBatch; i++ {
			k := keyNumber(i)
			keys = append(keys, k)
			entries = append(entries, Entry{Key: k, Content: [14]byte{1, 2, 3}, Value: 1})
		}
		err := x.LookupAll(ctx, keys, func(int, []Entry) error { return fmt.Errorf("found a key never put") })
		if err == nil {
			err = x.Put(ctx, entries...)
		}
		if err == nil {
			err = x.Commit(binary.BigEndian.AppendUint64(nil, i))
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
}

// BenchmarkGrowth inserts -entries keys, each looked up before, and reports
// the cost of the first million, of the last tenth, of hits, and what the
// index takes in memory and at Open.
func BenchmarkGrowth(b *testing.B) {
	for b.Loop() {
		growth(b, uint64(*entriesFlag))
	}
}

func growth(b *testing.B, total uint64) {
	dir := b.TempDir()
	opts := Options{FanIn: *fanInFlag}
	x := open(b, dir, opts)
	step := uint64(1_000_000)
	start, cpuStart := time.Now(), cpuTime()
	for done := uint64(0); done < total; {
		next := min(done+step, total)
		began, cpu := time.Now(), cpuTime()
		insert(b, x, done, next)
		n := time.Duration(next - done)
		s := x.Stats()
		fmt.Printf("%10d..%10d: %4d ns/charge, %4d ns of processors, %2d runs, %3d merges, %d stalls, filters %d MiB, resident %d MiB\n",
			done, next, time.Since(began)/n, (cpuTime()-cpu)/n, s.Runs, s.Merges, s.Stalls, s.FilterBytes>>20, residentBytes()>>20)
		done = next
		step = max(step, min(total/10, 10_000_000))
	}
	b.ReportMetric(float64(time.Since(start))/float64(total), "ns/charge")
	b.ReportMetric(float64(cpuTime()-cpuStart)/float64(total), "cpu-ns/charge")
	closeIndex(b, x)
	runtime.GC()
	began := time.Now()
	x = open(b, dir, opts)
	b.ReportMetric(time.Since(began).Seconds()*1000, "ms-open")
	s := x.Stats()
	b.ReportMetric(float64(s.FilterBytes)*8/float64(s.Entries), "bits/charge")
	b.ReportMetric(float64(residentBytes())/(1<<20), "MiB-resident")
	quiet(b, x)
	hits(b, x, total)
	closeIndex(b, x)
}

// hits measures lookups of keys that are there, and of keys that are not.
func hits(b *testing.B, x *Index, total uint64) {
	const asked = 200_000
	var dst []Entry
	for _, kind := range []string{"hit", "miss"} {
		began := time.Now()
		for i := range uint64(asked) {
			n := mix(i) % total
			if kind == "miss" {
				n += total
			}
			var err error
			if dst, err = x.Lookup(context.Background(), dst[:0], keyNumber(n)); err != nil {
				b.Fatal(err)
			}
			if (len(dst) == 1) != (kind == "hit") {
				b.Fatalf("%s: key %d has %d entries", kind, n, len(dst))
			}
		}
		b.ReportMetric(float64(time.Since(began).Nanoseconds())/asked, "ns/"+kind)
	}
}

// BenchmarkMap is the yardstick: the same keys in Go's own map, which keeps
// nothing on disk and grows with history.
func BenchmarkMap(b *testing.B) {
	for b.Loop() {
		total := min(uint64(*entriesFlag), 10_000_000)
		m := map[Key][16]byte{}
		began := time.Now()
		for i := range total {
			k := keyNumber(i)
			if _, ok := m[k]; ok {
				b.Fatal("found a key never put")
			}
			m[k] = [16]byte{1, 2, 3}
		}
		b.ReportMetric(float64(time.Since(began).Nanoseconds())/float64(total), "ns/charge")
		var mem runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&mem)
		b.ReportMetric(float64(mem.HeapAlloc)*8/float64(total), "bits/charge")
		runtime.KeepAlive(m)
	}
}

// BenchmarkFilter asks one filter of 8 million entries about unknown keys, 64
// at a time, beside what merely reading as many random cache lines costs.
func BenchmarkFilter(b *testing.B) {
	const n = 8_000_000
	prefixes := make([]uint64, n)
	for i := range prefixes {
		prefixes[i] = mix(uint64(i))
	}
	slices.Sort(prefixes)
	f := buildFilter(b, prefixes)
	var room maybe
	group := prefixes[:lookupGroup]
	next := uint64(n)
	for _, what := range []string{"probe", "probe+compare", "memory"} {
		b.Run(what, func(b *testing.B) {
			sum := uint64(0)
			for i := 0; i < b.N; i += len(group) {
				for k := range group {
					next++
					group[k] = mix(next)
				}
				switch what {
				case "probe":
					f.probe(&room, group)
				case "probe+compare":
					for _, k := range f.probe(&room, group) {
						f.compare(group[k])
					}
				case "memory":
					for _, prefix := range group {
						line, _ := bits.Mul64(prefix, f.blocks)
						sum ^= uint64(f.mem[line*blockBytes])
					}
				}
			}
			runtime.KeepAlive(sum)
		})
	}
}
